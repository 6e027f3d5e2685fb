/**
 * Counts pods that ended, exactly once each: their uids go into status.uncountedTerminatedPods, then their
 * finalizers are taken off, then they move into the counts
 * (k8s.io/kubernetes/pkg/controller/job/job_controller.go, trackJobStatusAndRemoveFinalizers).
 */
import type { Condition, Pod } from "../../kinds.ts";
import { countIndexes, formatIndexes, hasIndex, withIndexes } from "./index-ranges.ts";
import { isIndexed, trueCondition } from "./job.ts";
import { byIndex, completionIndex, hasFailed, hasSucceeded, hasValidIndex, isTracked } from "./job-pods.ts";
import { judgeFailure } from "./policies.ts";
import { ensureCondition, type JobSync, newCondition, type WorkingStatus } from "./sync.ts";

/** Keeps the status below 20 KB or so. */
const maxUncounted = 500;

export interface TrackingParts {
  nowMs: number;
  /** Writes sync.status; rejects when the Job has changed since it was read. */
  writeStatus(sync: JobSync): Promise<void>;
  removeFinalizer(pod: Pod): Promise<void>;
}

/** Gives the condition that the Job has ended with, when it has. */
export async function trackPods(sync: JobSync, changed: boolean, parts: TrackingParts): Promise<Condition | undefined> {
  const { status } = sync;
  const tracked = new Set(sync.pods.filter(isTracked).map(({ metadata }) => metadata.uid ?? ""));
  let needsWrite = moveCounted(status, tracked) || changed;
  const counting = countEnded(sync);
  needsWrite ||= counting.changed;
  if (isIndexed(sync.job)) needsWrite = writeIndexes(sync, counting.indexes) || needsWrite;
  needsWrite = announceEnd(sync, parts.nowMs) || needsWrite;

  if (needsWrite) await parts.writeStatus(sync);
  const results = await Promise.allSettled(counting.release.map((pod) => parts.removeFinalizer(pod)));
  for (const [index, result] of results.entries()) {
    if (result.status === "fulfilled") tracked.delete(counting.release[index]?.metadata.uid ?? "");
  }
  needsWrite = moveCounted(status, tracked);
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) {
    if (needsWrite) await parts.writeStatus(sync);
    throw failure.reason;
  }
  const ended = counting.complete && end(sync, parts.nowMs);
  if (needsWrite || ended) await parts.writeStatus(sync);
  return ended ? sync.finished : undefined;
}

/** Moves those that have lost their finalizer from the uncounted into the counts. */
function moveCounted(status: WorkingStatus, tracked: ReadonlySet<string>): boolean {
  const { succeeded, failed } = status.uncountedTerminatedPods;
  const left = {
    succeeded: succeeded.filter((uid) => tracked.has(uid)),
    failed: failed.filter((uid) => tracked.has(uid)),
  };
  status.succeeded += succeeded.length - left.succeeded.length;
  status.failed += failed.length - left.failed.length;
  status.uncountedTerminatedPods = left;
  return succeeded.length > left.succeeded.length || failed.length > left.failed.length;
}

interface Counting {
  changed: boolean;
  /** Pods whose finalizers can go. */
  release: Pod[];
  /** Newly succeeded. */
  indexes: number[];
  /** All that ended was looked at. */
  complete: boolean;
}

function countEnded(sync: JobSync): Counting {
  const { job, finished } = sync;
  const indexed = isIndexed(job);
  const { succeeded, failed } = sync.status.uncountedTerminatedPods;
  const counting: Counting = { changed: false, release: [], indexes: [], complete: true };
  const uncountedSucceeded = new Set(succeeded);
  const uncountedFailed = new Set(failed);
  for (const pod of indexed ? [...sync.pods].sort(byIndex) : sync.pods) {
    const uid = pod.metadata.uid ?? "";
    const podFailed = hasFailed(pod, job);
    if (!isTracked(pod) || !canRelease(sync, pod, podFailed)) continue;
    counting.release.push(pod);
    if (hasSucceeded(pod) && !uncountedFailed.has(uid)) {
      const index = completionIndex(pod);
      if (indexed) {
        if (index !== undefined && hasValidIndex(pod, job) && !hasIndex(sync.indexes.before, index)) {
          counting.indexes.push(index);
          counting.changed = true;
        }
      } else if (!uncountedSucceeded.has(uid)) {
        succeeded.push(uid);
        counting.changed = true;
      }
    } else if (podFailed || (finished !== undefined && finished.type !== "SuccessCriteriaMet")) {
      // When a Job has failed, every pod that has not ended counts as failed.
      const counts = judgeFailure(job.spec.podFailurePolicy, pod).counts;
      if (!uncountedFailed.has(uid) && hasValidIndex(pod, job) && counts) {
        failed.push(uid);
        counting.changed = true;
      }
    }
    if (counting.indexes.length + succeeded.length + failed.length >= maxUncounted) {
      counting.complete = false;
      break;
    }
  }
  return counting;
}

function canRelease({ job, finished, toReplace }: JobSync, pod: Pod, podFailed: boolean): boolean {
  if (job.metadata.deletionTimestamp !== undefined || finished !== undefined || hasSucceeded(pod)) return true;
  if (!podFailed) return false;
  const index = completionIndex(pod);
  return index === undefined || toReplace.get(index)?.metadata.uid !== pod.metadata.uid;
}

function writeIndexes({ status, indexes }: JobSync, fresh: readonly number[]): boolean {
  const succeeded = withIndexes(indexes.succeeded, fresh);
  const completed = formatIndexes(succeeded);
  const failed = indexes.failed && formatIndexes(indexes.failed);
  const changed = completed !== (status.completedIndexes ?? "") || failed !== status.failedIndexes;
  status.succeeded = countIndexes(succeeded);
  status.completedIndexes = completed;
  if (failed === undefined) delete status.failedIndexes;
  else status.failedIndexes = failed;
  return changed;
}

/** Writes down what the Job is to end with before pods are let go, and goes on with the condition it ends with. */
function announceEnd(sync: JobSync, nowMs: number): boolean {
  const { finished, status } = sync;
  if (finished === undefined) return false;
  const { reason = "", message = "" } = finished;
  if (finished.type === "FailureTarget") {
    status.conditions = [...status.conditions, finished];
    sync.finished = newCondition("Failed", "True", reason, message, nowMs);
    return true;
  }
  if (finished.type !== "SuccessCriteriaMet") return false;
  const known = trueCondition(status.conditions, "SuccessCriteriaMet") !== undefined;
  if (!known) status.conditions = [...status.conditions, finished];
  sync.finished = newCondition("Complete", "True", reason, message, nowMs);
  return !known;
}

function end({ finished, status, terminating }: JobSync, nowMs: number): boolean {
  const { succeeded, failed } = status.uncountedTerminatedPods;
  if (finished === undefined || succeeded.length + failed.length > 0 || terminating > 0) return false;
  const { type, reason = "", message = "" } = finished;
  const condition = newCondition(type, "True", reason, message, nowMs);
  ensureCondition(status, condition);
  if (type === "Complete") status.completionTime = condition.lastTransitionTime as string;
  return true;
}
