import { formatTime, messageOf } from "@podwright/kube";
import type { Condition, Pod, ReplicaSet, ReplicaSetStatus } from "../../kinds.ts";
import { isPodAvailable, isPodReady } from "../../pods.ts";
import { findCondition, removeCondition, setCondition } from "../conditions.ts";

/**
 * What the ReplicaSet's status is to be (k8s.io/kubernetes/pkg/controller/replicaset/replica_set_utils.go,
 * calculateStatus). Zero counts are left out as on the wire, all but `replicas` and `terminatingReplicas`.
 *
 * @param failure what creating or deleting pods ended with, if it failed.
 */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  active: readonly Pod[],
  terminating: readonly Pod[],
  failure: unknown,
  nowMs: number,
): ReplicaSetStatus {
  const templateLabels = Object.entries(replicaSet.spec.template.metadata?.labels ?? {});
  const minReadySeconds = replicaSet.spec.minReadySeconds ?? 0;
  let fullyLabeled = 0;
  let ready = 0;
  let available = 0;
  for (const pod of active) {
    if (templateLabels.every(([name, value]) => pod.metadata.labels?.[name] === value)) fullyLabeled++;
    if (!isPodReady(pod)) continue;
    ready++;
    if (isPodAvailable(pod, minReadySeconds, nowMs)) available++;
  }
  const conditions = failureConditions(replicaSet, active.length, failure, nowMs);
  return {
    replicas: active.length,
    ...(fullyLabeled > 0 ? { fullyLabeledReplicas: fullyLabeled } : {}),
    ...(ready > 0 ? { readyReplicas: ready } : {}),
    ...(available > 0 ? { availableReplicas: available } : {}),
    terminatingReplicas: terminating.length,
    observedGeneration: replicaSet.metadata.generation ?? 1,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

function failureConditions(replicaSet: ReplicaSet, active: number, failure: unknown, nowMs: number): Condition[] {
  const conditions = replicaSet.status?.conditions ?? [];
  const current = findCondition(conditions, "ReplicaFailure");
  if (failure === undefined) return current ? removeCondition(conditions, "ReplicaFailure") : conditions;
  if (current) return conditions;
  return setCondition(conditions, {
    type: "ReplicaFailure",
    status: "True",
    lastTransitionTime: formatTime(nowMs),
    reason: active < (replicaSet.spec.replicas ?? 1) ? "FailedCreate" : "FailedDelete",
    message: messageOf(failure),
  });
}
