/** Runs the pods of Jobs until enough have succeeded (k8s.io/kubernetes/pkg/controller/job/job_controller.go). */
import { jobs, objectKey, splitKey, WorkQueue } from "@podwright/client";
import { formatTime } from "@podwright/kube";
import type { Condition, Pod } from "../../kinds.ts";
import { controllerOf } from "../../owner-references.ts";
import { claim } from "../claim.ts";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { jobInformer, podInformer } from "../informers.ts";
import { followOwned, selectorOf, takers } from "../owners.ts";
import { PodWriter } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { statusPatch } from "../status-patch.ts";
import type { FailureStreak } from "./back-off.ts";
import { finishedCondition, isManagedElsewhere, isSuspended, type Job, trackingFinalizer } from "./job.ts";
import { isTracked } from "./job-pods.ts";
import { JobPodControl } from "./pod-control.ts";
import { deletePods, type Scaled, scaleJob } from "./scaling.ts";
import { beginSync, deadlineMs, ensureCondition, type JobSync, newCondition, wireStatus } from "./sync.ts";
import { trackPods } from "./tracking.ts";

export function createJobController(context: ControllerContext): Controller {
  const { client, recorder, clock, logger } = context;
  const jobClient = client.resource<Job>(jobs);
  const podCache = podInformer(context.informers);
  const jobCache = jobInformer(context.informers);
  const pods = new PodWriter(client, podCache, clock);
  const jobWrites = new RecentWrites(jobCache, clock);
  const control = new JobPodControl(pods, recorder);
  /** By the Jobs' uids. */
  const streaks = new Map<string, FailureStreak>();
  const queue = new WorkQueue({ reconcile, concurrency: 5, clock, onError: reportTo(logger, "job") });
  /** Pods that wait to be counted by a Job that does so no more. */
  const orphans = new WorkQueue({
    reconcile: release,
    concurrency: 5,
    clock,
    onError: reportTo(logger, "job orphans"),
  });

  jobCache.onChange({
    added: changed,
    updated: changed,
    deleted: (job) => {
      streaks.delete(job.metadata.uid ?? "");
      releasePodsOf(job);
    },
  });
  followOwned(podCache, enqueueOwnerOf);

  function changed(job: Job): void {
    if (finishedCondition(job) !== undefined) {
      streaks.delete(job.metadata.uid ?? "");
      releasePodsOf(job);
    } else queue.add(objectKey(job));
  }

  function releasePodsOf(job: Job): void {
    for (const pod of podCache.by("controller", job.metadata.uid ?? ""))
      if (isTracked(pod)) orphans.add(objectKey(pod));
  }

  function enqueueOwnerOf(pod: Pod): void {
    const controller = controllerOf(pod);
    if (controller !== undefined && controller.kind !== "Job") return;
    const owner = ownerOf(pod);
    if (isTracked(pod) && (owner === undefined || finishedCondition(owner) !== undefined)) orphans.add(objectKey(pod));
    if (owner !== undefined) queue.add(objectKey(owner));
    if (controller !== undefined) return;
    for (const job of takers(jobCache, pod)) queue.add(objectKey(job));
  }

  function ownerOf(pod: Pod): Job | undefined {
    const controller = controllerOf(pod);
    if (controller?.kind !== "Job" || controller.apiVersion !== "batch/v1") return undefined;
    const job = jobCache.get(controller.name, pod.metadata.namespace);
    return job?.metadata.uid === controller.uid ? job : undefined;
  }

  async function release(key: string): Promise<void> {
    const { namespace, name } = splitKey(key);
    const pod = podCache.get(name, namespace);
    if (pod === undefined || !isTracked(pod)) return;
    const controller = controllerOf(pod);
    if (controller !== undefined && controller.kind !== "Job") return;
    const owner = ownerOf(pod);
    if (owner !== undefined && (isManagedElsewhere(owner) || finishedCondition(owner) === undefined)) return;
    await control.removeFinalizer(pod);
  }

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const job = jobWrites.get(key);
    if (job === undefined || isManagedElsewhere(job) || finishedCondition(job) !== undefined) return undefined;
    const { completionMode = "NonIndexed" } = job.spec;
    if (completionMode !== "NonIndexed" && completionMode !== "Indexed") {
      const message = "Skipped Job sync because completion mode is unknown";
      recorder.event(job, "Warning", "UnknownCompletionMode", message);
      return undefined;
    }

    const uid = job.metadata.uid ?? "";
    const owned = await podsOf(job);
    const nowMs = clock.now();
    const sync = beginSync(job, owned, streaks.get(uid), nowMs);
    const { scaled, suspensionChanged } = await act(sync, nowMs);

    const ended = await trackPods(sync, applyCounts(sync) || suspensionChanged, {
      nowMs: clock.now(),
      async writeStatus(each) {
        await writeStatus(each);
        if (each.streak === undefined) streaks.delete(uid);
        else streaks.set(uid, each.streak);
      },
      removeFinalizer: (pod) => control.removeFinalizer(pod),
    });
    if (ended !== undefined) {
      streaks.delete(uid);
      tellEnd(sync, ended);
    }
    if (scaled.failure !== undefined) throw scaled.failure;
    const waits = [scaled.waitMs, ended ? undefined : deadlineMs(sync, nowMs)].filter(
      (ms) => ms !== undefined && ms > 0,
    );
    return waits.length > 0 ? { requeueAfterMs: Math.min(...(waits as number[])) } : undefined;
  }

  /** The Job's pods, with orphans that it took in. */
  async function podsOf(job: Job): Promise<Pod[]> {
    const { name = "", namespace } = job.metadata;
    return claim(job, selectorOf(job), pods.known(job), pods.client, () => jobClient.get(name, namespace), [
      trackingFinalizer,
    ]);
  }

  /** Ends what runs when the Job is at its end, else starts and ends pods as is wanted. */
  async function act(sync: JobSync, nowMs: number): Promise<{ scaled: Scaled; suspensionChanged: boolean }> {
    const { job, active } = sync;
    if (sync.finished !== undefined) {
      const scaled = await deletePods(sync, active, control, false);
      if (scaled.failure !== undefined) sync.finished = undefined;
      return { scaled, suspensionChanged: false };
    }
    const goesOn = job.metadata.deletionTimestamp === undefined;
    const scaled = goesOn ? await scaleJob(sync, control, nowMs) : {};
    const { completions } = job.spec;
    const enough = completions === undefined ? sync.succeeded > 0 : sync.succeeded >= completions;
    if (enough && sync.activeCount === 0) {
      const message = "Reached expected number of succeeded pods";
      sync.finished = newCondition("SuccessCriteriaMet", "True", "CompletionsReached", message, nowMs);
      return { scaled, suspensionChanged: false };
    }
    return { scaled, suspensionChanged: goesOn && followSuspension(sync, nowMs) };
  }

  function followSuspension({ job, status }: JobSync, nowMs: number): boolean {
    if (isSuspended(job)) {
      const condition = newCondition("Suspended", "True", "JobSuspended", "Job suspended", nowMs);
      if (!ensureCondition(status, condition)) return false;
      recorder.event(job, "Normal", "Suspended", "Job suspended");
      return true;
    }
    if (!ensureCondition(status, newCondition("Suspended", "False", "JobResumed", "Job resumed", nowMs))) return false;
    recorder.event(job, "Normal", "Resumed", "Job resumed");
    // The deadline does not run while a Job is suspended.
    status.startTime = formatTime(nowMs);
    return true;
  }

  async function writeStatus(sync: JobSync): Promise<void> {
    const { name = "", namespace, uid, resourceVersion } = sync.job.metadata;
    const patch = statusPatch(sync.job.status, wireStatus(sync.status));
    if (patch === undefined) return;
    // Counting goes wrong on any other state than the one it began with.
    const { uncountedTerminatedPods: uncounted } = patch.status;
    // A merge patch keeps what it does not name.
    const whole = uncounted && { uncountedTerminatedPods: { succeeded: null, failed: null, ...uncounted } };
    const locked = { metadata: { uid, resourceVersion }, status: { ...patch.status, ...whole } };
    const written = await jobClient.patch(name, namespace, locked, { type: "merge", subresource: "status" });
    jobWrites.wrote(written);
    sync.job = written;
  }

  function tellEnd({ job, status }: JobSync, { type, reason = "", message = "" }: Condition): void {
    if (type !== "Complete") {
      recorder.event(job, "Warning", reason, message);
      return;
    }
    if (job.spec.completions !== undefined && status.succeeded > job.spec.completions) {
      const text = "Too many succeeded pods running after completion count reached";
      recorder.event(job, "Warning", "TooManySucceededPods", text);
    }
    recorder.event(job, "Normal", "Completed", "Job completed");
  }

  return {
    start() {
      queue.start();
      orphans.start();
    },
    async stop() {
      await Promise.all([queue.stop(), orphans.stop()]);
    },
  };
}

/** Puts the counts into the status; tells whether that changes it. */
function applyCounts({ job, status, activeCount, ready, terminating }: JobSync): boolean {
  Object.assign(status, { active: activeCount, ready, terminating });
  const { active: before = 0, ready: readyBefore, terminating: terminatingBefore } = job.status ?? {};
  return activeCount !== before || ready !== readyBefore || terminating !== terminatingBefore;
}
