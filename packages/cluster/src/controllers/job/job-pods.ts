/** What pods are to their Job (k8s.io/kubernetes/pkg/controller/job/{job_controller,indexed_job_utils,backoff_utils}.go). */
import type { ContainerStatus, Pod } from "../../kinds.ts";
import { isSidecar, podCondition } from "../../pods.ts";
import { isIndexed, type Job, replacesOnlyFailed, trackingFinalizer } from "./job.ts";

export const indexKey = "batch.kubernetes.io/job-completion-index";
export const failureCountKey = "batch.kubernetes.io/job-index-failure-count";
export const ignoredFailureCountKey = "batch.kubernetes.io/job-index-ignored-failure-count";

/** Its end has not been counted yet. */
export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

export function hasSucceeded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded";
}

/** Failed; or being deleted, where such pods are replaced at once. */
export function hasFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === "Failed") return true;
  if (replacesOnlyFailed(job)) return false;
  return pod.metadata.deletionTimestamp !== undefined && !hasSucceeded(pod);
}

/** Undefined when the pod has no valid index. */
export function completionIndex(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[indexKey];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** False for pods of Indexed Jobs whose index is none of the Job's. */
export function hasValidIndex(pod: Pod, job: Job): boolean {
  if (!isIndexed(job)) return true;
  const index = completionIndex(pod);
  return index !== undefined && index < (job.spec.completions ?? 0);
}

export function indexesOf(pods: readonly Pod[]): Set<number> {
  return new Set(pods.map(completionIndex).filter((index) => index !== undefined));
}

export function byIndex(a: Pod, b: Pod): number {
  return (completionIndex(a) ?? -1) - (completionIndex(b) ?? -1);
}

/** Failures of the pods of this index before this one that count against backoffLimitPerIndex. */
export function indexFailures(pod: Pod): number {
  return annotatedCount(pod, failureCountKey);
}

/** Those that a pod failure policy ignored. */
export function ignoredIndexFailures(pod: Pod): number {
  return annotatedCount(pod, ignoredFailureCountKey);
}

function annotatedCount(pod: Pod, key: string): number {
  const count = Number(pod.metadata.annotations?.[key] ?? 0);
  return Number.isInteger(count) && count >= 0 && count < 2 ** 31 ? count : 0;
}

/** When the pod ended, as well as its object tells it; milliseconds. */
export function finishedAtMs(pod: Pod): number {
  const ended = containersFinishedAtMs(pod);
  if (ended !== undefined) return ended;
  const ready = podCondition(pod, "Ready");
  if (ready?.status === "False" && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, creationTimestamp } = pod.metadata;
  if (deletionTimestamp !== undefined) return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return Date.parse(creationTimestamp ?? "");
}

function containersFinishedAtMs(pod: Pod): number | undefined {
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const statuses: ContainerStatus[] = [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ];
  let latest: number | undefined;
  for (const { state } of statuses) {
    const finished = Date.parse(state?.terminated?.finishedAt ?? "");
    if (Number.isNaN(finished)) return undefined;
    latest = Math.max(latest ?? finished, finished);
  }
  return latest;
}
