import { formatTime } from "@podwright/kube";
import type { Condition, Pod } from "../../kinds.ts";
import { isPodActive, isPodReady } from "../../pods.ts";
import { continueStreak, type FailureStreak } from "./back-off.ts";
import { countIndexes, type IndexRanges } from "./index-ranges.ts";
import { failedIndexes, failedPodsToReplace, isTerminating, succeededIndexes } from "./indexed.ts";
import { isIndexed, isSuspended, type Job, type JobStatus, trueCondition } from "./job.ts";
import { hasFailed, hasSucceeded, hasValidIndex, isTracked } from "./job-pods.ts";
import { judgeFailure, matchSuccess } from "./policies.ts";

/** What one look at a Job and its pods found, and what has been done about it so far. */
export interface JobSync {
  job: Job;
  pods: readonly Pod[];
  active: readonly Pod[];
  /** Status as it is to be written; counts are set. */
  status: WorkingStatus;
  succeeded: number;
  failed: number;
  activeCount: number;
  ready: number;
  terminating: number;
  streak: FailureStreak | undefined;
  /** SuccessCriteriaMet, FailureTarget, Complete or Failed: what the Job is to end with. */
  finished: Condition | undefined;
  indexes: { before: IndexRanges; succeeded: IndexRanges; failed: IndexRanges | undefined };
  /** By index. */
  toReplace: Map<number, Pod>;
}

export interface WorkingStatus extends JobStatus {
  conditions: Condition[];
  succeeded: number;
  failed: number;
  uncountedTerminatedPods: { succeeded: string[]; failed: string[] };
}

/** Looks at everything, changes nothing. */
export function beginSync(job: Job, pods: readonly Pod[], streak: FailureStreak | undefined, nowMs: number): JobSync {
  const status = workingStatus(job);
  const { succeeded: uncountedSucceeded, failed: uncountedFailed } = status.uncountedTerminatedPods;
  const fresh = (uncounted: readonly string[], ended: (pod: Pod) => boolean): Pod[] =>
    pods.filter(
      (pod) => isTracked(pod) && !uncounted.includes(pod.metadata.uid ?? "") && hasValidIndex(pod, job) && ended(pod),
    );
  const newSucceeded = fresh(uncountedSucceeded, hasSucceeded);
  const newFailed = fresh(uncountedFailed, (pod) => hasFailed(pod, job));
  const counted = newFailed.filter((pod) => judgeFailure(job.spec.podFailurePolicy, pod).counts);
  const active = pods.filter(isPodActive);
  if (status.startTime === undefined && !isSuspended(job)) status.startTime = formatTime(nowMs);
  const sync: JobSync = {
    job,
    pods,
    active,
    status,
    succeeded: status.succeeded + newSucceeded.length + uncountedSucceeded.length,
    failed: status.failed + counted.length + uncountedFailed.length,
    activeCount: active.length,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isTerminating).length,
    streak: continueStreak(streak, newSucceeded, newFailed),
    finished: undefined,
    indexes: { before: [], succeeded: [], failed: undefined },
    toReplace: new Map(),
  };
  judge(sync, nowMs);
  return sync;
}

/** Decides whether the Job is to end, in upstream's order: what was decided before, failures, indexes, success policy. */
function judge(sync: JobSync, nowMs: number): void {
  const { job, pods, active, status } = sync;
  const { spec } = job;
  const condition = (type: string, reason: string, message: string) =>
    newCondition(type, "True", reason, message, nowMs);
  const fails = (reason: string, message: string) => condition("FailureTarget", reason, message);

  sync.finished = trueCondition(status.conditions, "SuccessCriteriaMet");
  const target = trueCondition(status.conditions, "FailureTarget");
  const byPolicy = pods
    .filter((pod) => hasFailed(pod, job))
    .map((pod) => judgeFailure(spec.podFailurePolicy, pod).failsJob)
    .find((message) => message !== undefined);
  sync.finished ??= target && condition("Failed", target.reason ?? "", target.message ?? "");
  if (byPolicy !== undefined) sync.finished ??= fails("PodFailurePolicy", byPolicy);
  if (sync.failed > (spec.backoffLimit ?? 6) || restartsTooOften(job, pods)) {
    sync.finished ??= fails("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if ((deadlineMs(sync, nowMs) ?? 1) <= 0) {
    sync.finished ??= fails("DeadlineExceeded", "Job was active longer than specified deadline");
  }
  if (!isIndexed(job)) return;

  const { before, now: succeeded } = succeededIndexes(job, pods);
  const failed = failedIndexes(job, pods);
  sync.indexes = { before, succeeded, failed };
  sync.succeeded = countIndexes(succeeded);
  if (failed !== undefined) {
    const count = countIndexes(failed);
    if (spec.maxFailedIndexes !== undefined && count > spec.maxFailedIndexes) {
      const message = "Job has exceeded the specified maximal number of failed indexes";
      sync.finished ??= fails("MaxFailedIndexesExceeded", message);
    } else if (count > 0 && count + sync.succeeded >= (spec.completions ?? 0)) {
      sync.finished ??= fails("FailedIndexes", "Job has failed indexes");
    }
    sync.toReplace = failedPodsToReplace(job, pods, active, succeeded, failed);
  }
  const met = matchSuccess(spec.successPolicy, spec.completions ?? 0, succeeded);
  if (met !== undefined) sync.finished ??= condition("SuccessCriteriaMet", "SuccessPolicy", met);
}

/** What is left of activeDeadlineSeconds in milliseconds; undefined when there is no deadline. */
export function deadlineMs({ job, status }: JobSync, nowMs: number): number | undefined {
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || status.startTime === undefined || isSuspended(job)) return undefined;
  return Date.parse(status.startTime) + seconds * 1000 - nowMs;
}

/** Containers that are restarted in place count against backoffLimit, too. */
function restartsTooOften({ spec }: Job, pods: readonly Pod[]): boolean {
  if (spec.template.spec.restartPolicy !== "OnFailure") return false;
  const limit = spec.backoffLimit ?? 6;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== "Running" && status?.phase !== "Pending") continue;
    for (const each of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
      restarts += each.restartCount;
    }
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function workingStatus({ status = {} }: Job): WorkingStatus {
  return {
    ...status,
    conditions: [...(status.conditions ?? [])],
    succeeded: status.succeeded ?? 0,
    failed: status.failed ?? 0,
    uncountedTerminatedPods: {
      succeeded: [...(status.uncountedTerminatedPods?.succeeded ?? [])],
      failed: [...(status.uncountedTerminatedPods?.failed ?? [])],
    },
  };
}

/** The status as it is on the wire: zero counts are left out but for `ready` and `terminating`. */
export function wireStatus(status: WorkingStatus): JobStatus {
  const { conditions, active, succeeded, failed, completedIndexes, uncountedTerminatedPods, ...rest } = status;
  const { succeeded: uncountedSucceeded, failed: uncountedFailed } = uncountedTerminatedPods;
  return {
    ...rest,
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(active ? { active } : {}),
    ...(succeeded > 0 ? { succeeded } : {}),
    ...(failed > 0 ? { failed } : {}),
    ...(completedIndexes ? { completedIndexes } : {}),
    uncountedTerminatedPods: {
      ...(uncountedSucceeded.length > 0 ? { succeeded: uncountedSucceeded } : {}),
      ...(uncountedFailed.length > 0 ? { failed: uncountedFailed } : {}),
    },
  };
}

export function newCondition(
  type: string,
  status: "True" | "False",
  reason: string,
  message: string,
  nowMs: number,
): Condition {
  const now = formatTime(nowMs);
  return { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message };
}

/** Puts the condition in place of the one of its type; False only where there was one. Tells whether anything changed. */
export function ensureCondition(status: WorkingStatus, condition: Condition): boolean {
  const at = status.conditions.findIndex(({ type }) => type === condition.type);
  const known = status.conditions[at];
  if (known === undefined) {
    if (condition.status === "False") return false;
    status.conditions = [...status.conditions, condition];
    return true;
  }
  const { status: value, reason, message } = known;
  if (value === condition.status && reason === condition.reason && message === condition.message) return false;
  status.conditions = status.conditions.with(at, condition);
  return true;
}
