/** Which indexes of an Indexed Job are done, failed or to be started (k8s.io/kubernetes/pkg/controller/job/indexed_job_utils.go). */
import type { Pod } from "../../kinds.ts";
import { isPodTerminal } from "../../pods.ts";
import { podsToDelete } from "../replicaset/deletion-order.ts";
import { remainingMs } from "./back-off.ts";
import { freeIndexes, hasIndex, type IndexRanges, mergeRanges, parseIndexes, withIndexes } from "./index-ranges.ts";
import { isIndexed, type Job, replacesOnlyFailed } from "./job.ts";
import {
  completionIndex,
  finishedAtMs,
  hasFailed,
  hasSucceeded,
  hasValidIndex,
  ignoredIndexFailures,
  indexesOf,
  indexFailures,
  isTracked,
} from "./job-pods.ts";
import { judgeFailure } from "./policies.ts";

/** The succeeded indexes: those the status tells, and those with the pods that it does not count yet. */
export function succeededIndexes(job: Job, pods: readonly Pod[]): { before: IndexRanges; now: IndexRanges } {
  const before = parseIndexes(job.status?.completedIndexes ?? "", job.spec.completions ?? 0);
  const fresh = pods.filter((pod) => hasSucceeded(pod) && isTracked(pod) && hasValidIndex(pod, job));
  return { before, now: withIndexes(before, indexesOf(fresh)) };
}

/** The indexes that are not tried again. Undefined where there is no limit per index. */
export function failedIndexes(job: Job, pods: readonly Pod[]): IndexRanges | undefined {
  if (job.spec.backoffLimitPerIndex === undefined) return undefined;
  const before = parseIndexes(job.status?.failedIndexes ?? "", job.spec.completions ?? 0);
  const fresh = pods.filter((pod) => isTracked(pod) && hasValidIndex(pod, job) && failsIndex(job, pod));
  return withIndexes(before, indexesOf(fresh));
}

function failsIndex(job: Job, pod: Pod): boolean {
  if (!hasFailed(pod, job)) return false;
  const verdict = judgeFailure(job.spec.podFailurePolicy, pod);
  if (verdict.failsIndex) return true;
  return verdict.counts && indexFailures(pod) >= (job.spec.backoffLimitPerIndex ?? 0);
}

/**
 * Of each index that is to be tried again, the pod that failed last: it stays until its replacement has taken over
 * its count of failures.
 */
export function failedPodsToReplace(
  job: Job,
  pods: readonly Pod[],
  active: readonly Pod[],
  succeeded: IndexRanges,
  failed: IndexRanges,
): Map<number, Pod> {
  const activeIndexes = indexesOf(active);
  const last = new Map<number, Pod>();
  for (const pod of pods) {
    const index = completionIndex(pod);
    if (index === undefined || !isTracked(pod) || !hasValidIndex(pod, job) || !hasFailed(pod, job)) continue;
    if (hasIndex(succeeded, index) || hasIndex(failed, index) || activeIndexes.has(index)) continue;
    const known = last.get(index);
    if (known === undefined || (tries(known) <= tries(pod) && finishedAtMs(pod) >= finishedAtMs(known))) {
      last.set(index, pod);
    }
  }
  return last;
}

function tries(pod: Pod): number {
  return indexFailures(pod) + ignoredIndexFailures(pod);
}

/** How long the index still has to wait for the replacement of its failed pod. */
export function indexRemainingMs(failed: Pod | undefined, nowMs: number): number {
  if (failed === undefined) return 0;
  return remainingMs({ failures: tries(failed) + 1, lastFailureMs: finishedAtMs(failed) }, nowMs);
}

/** The first indexes that have no pod and are neither done nor given up. */
export function pendingIndexes(
  job: Job,
  pods: readonly Pod[],
  active: readonly Pod[],
  done: { succeeded: IndexRanges; failed: IndexRanges | undefined },
  count: number,
): number[] {
  const terminating = replacesOnlyFailed(job) ? pods.filter(isTerminating) : [];
  const taken = withIndexes(done.succeeded, indexesOf([...active, ...terminating]));
  return freeIndexes(mergeRanges(taken, done.failed ?? []), count, job.spec.completions ?? 0);
}

export function isTerminating(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;
}

/** Active pods to take away: those of no valid index, all but one of each index, and more until it is enough. */
export function surplusPods(job: Job, active: readonly Pod[], atLeast: number, nowMs: number): Pod[] {
  const surplus: Pod[] = [];
  let kept = [...active];
  if (isIndexed(job)) {
    const byIndex = Map.groupBy(active, (pod) => (hasValidIndex(pod, job) ? completionIndex(pod) : undefined));
    kept = [];
    for (const [index, pods] of byIndex) {
      const extra = index === undefined ? pods : podsToDelete(pods, [], pods.length - 1, nowMs);
      surplus.push(...extra);
      kept.push(...pods.filter((pod) => !extra.includes(pod)));
    }
  }
  if (surplus.length < atLeast) surplus.push(...podsToDelete(kept, [], atLeast - surplus.length, nowMs));
  return surplus;
}
