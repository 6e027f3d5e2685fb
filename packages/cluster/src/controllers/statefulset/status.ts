/** What a StatefulSet's status says (k8s.io/kubernetes/pkg/controller/statefulset/stateful_set_control.go). */
import type { Pod } from "../../kinds.ts";
import { isPodAvailable, isPodReady } from "../../pods.ts";
import { revisionOf } from "./identity.ts";
import type { Revisions } from "./pass.ts";
import { replicasOf, type StatefulSet, type StatefulSetStatus } from "./stateful-set.ts";

export function isRunningAndReady(pod: Pod): boolean {
  return pod.status?.phase === "Running" && isPodReady(pod);
}

/** Of a pod that may not exist yet: one without a phase does not. */
export function isCreated(pod: Pod): boolean {
  return (pod.status?.phase ?? "") !== "";
}

/** The counts of the pods and the names of the revisions. Zero counts are left out as on the wire. */
export function statefulSetStatus(
  set: StatefulSet,
  pods: readonly Pod[],
  { current, update, collisionCount }: Revisions,
  nowMs: number,
): StatefulSetStatus {
  const status = {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: 0,
    readyReplicas: 0,
    currentReplicas: 0,
    updatedReplicas: 0,
    availableReplicas: 0,
    currentRevision: current.metadata.name ?? "",
    updateRevision: update.metadata.name ?? "",
    collisionCount,
  };
  for (const pod of pods) {
    if (!isCreated(pod)) continue;
    status.replicas++;
    if (isRunningAndReady(pod)) {
      status.readyReplicas++;
      if (isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)) status.availableReplicas++;
    }
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    if (revisionOf(pod) === status.currentRevision) status.currentReplicas++;
    if (revisionOf(pod) === status.updateRevision) status.updatedReplicas++;
  }
  return status;
}

/** The status as it is written: a rollout that is through makes the update revision the current one. */
export function completedStatus(set: StatefulSet, given: StatefulSetStatus): StatefulSetStatus {
  const status = { ...given };
  const wanted = replicasOf(set);
  const complete =
    set.spec.updateStrategy?.type !== "OnDelete" &&
    status.updatedReplicas === wanted &&
    status.readyReplicas === wanted &&
    status.replicas === wanted;
  if (complete) {
    status.currentReplicas = wanted;
    if (status.updateRevision !== undefined) status.currentRevision = status.updateRevision;
  }
  for (const field of ["readyReplicas", "currentReplicas", "updatedReplicas"] as const) {
    if (status[field] === 0) delete status[field];
  }
  return status;
}
