/** Brings the number of a Job's running pods to what is wanted (k8s.io/kubernetes/pkg/controller/job/job_controller.go, manageJob). */
import type { Pod } from "../../kinds.ts";
import { isPodReady } from "../../pods.ts";
import { slowStart } from "../replicaset/slow-start.ts";
import { remainingMs } from "./back-off.ts";
import { indexRemainingMs, pendingIndexes, surplusPods } from "./indexed.ts";
import { isIndexed, isSuspended, replacesOnlyFailed } from "./job.ts";
import type { JobPodControl } from "./pod-control.ts";
import { jobPod } from "./pod-template.ts";
import type { JobSync } from "./sync.ts";

const maxPodsAtOnce = 500;
/** Waits for replacements are not shorter than this. */
const shortestWaitMs = 1000;

export interface Scaled {
  /** What failed. */
  failure?: unknown;
  /** When to look again: replacements of failed pods have to wait. */
  waitMs?: number;
}

/** Takes surplus pods away, else makes those that are missing. Counts what it did. */
export async function scaleJob(sync: JobSync, control: JobPodControl, nowMs: number): Promise<Scaled> {
  const { job, active } = sync;
  const wanted = isSuspended(job) ? 0 : wantedPods(sync);
  const surplus = surplusPods(job, active, Math.max(0, active.length - wanted), nowMs).slice(0, maxPodsAtOnce);
  if (surplus.length > 0 || isSuspended(job)) return deletePods(sync, surplus, control, true);
  const waiting = replacesOnlyFailed(job) ? sync.terminating : 0;
  const missing = Math.min(wanted - waiting - active.length, maxPodsAtOnce);
  return missing > 0 ? createPods(sync, missing, control, nowMs) : {};
}

function wantedPods({ job, active, succeeded }: JobSync): number {
  const { completions, parallelism = 1 } = job.spec;
  // Without completions, one success is enough: who still runs may end, nobody is started.
  if (completions === undefined) return succeeded > 0 ? active.length : parallelism;
  return Math.max(0, Math.min(completions - succeeded, parallelism));
}

/**
 * Deletes active pods.
 *
 * @param uncounted they count neither as failed nor as succeeded.
 */
export async function deletePods(
  sync: JobSync,
  pods: readonly Pod[],
  control: JobPodControl,
  uncounted: boolean,
): Promise<Scaled> {
  const results = await Promise.allSettled(
    pods.map(async (pod) => {
      if (uncounted) await control.removeFinalizer(pod);
      await control.delete(sync.job, pod);
      sync.activeCount--;
      sync.terminating++;
      if (isPodReady(pod)) sync.ready--;
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  return failed === undefined ? {} : { failure: failed.reason };
}

async function createPods(sync: JobSync, missing: number, control: JobPodControl, nowMs: number): Promise<Scaled> {
  const { job, pods, active, indexes, toReplace, streak } = sync;
  const perIndex = job.spec.backoffLimitPerIndex !== undefined;
  const waitMs = perIndex ? 0 : remainingMs(streak, nowMs);
  if (waitMs > 0) return { waitMs: Math.max(waitMs, shortestWaitMs) };
  let count = missing;
  let due: number[] = [];
  if (isIndexed(job)) {
    const pending = pendingIndexes(job, pods, active, indexes, missing);
    const waits = pending.map((index) => (perIndex ? indexRemainingMs(toReplace.get(index), nowMs) : 0));
    due = pending.filter((_index, at) => waits[at] === 0);
    if (due.length === 0 && pending.length > 0) return { waitMs: Math.max(Math.min(...waits), shortestWaitMs) };
    count = due.length;
  }
  let next = 0;
  const failure = await slowStart(count, async () => {
    const index = due[next++];
    await control.create(job, jobPod(job, index, index === undefined ? undefined : toReplace.get(index)));
    sync.activeCount++;
  });
  return failure === undefined ? {} : { failure };
}
