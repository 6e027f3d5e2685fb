/** The numbers of a rollout: surge, unavailable, proportions (k8s.io/kubernetes/pkg/controller/deployment/util). */
import type { Deployment, ReplicaSet } from "../../kinds.ts";
import { maxReplicasAnnotation } from "./annotations.ts";

/** spec.replicas where nothing is said. */
export function replicasOf(object: Deployment | ReplicaSet): number {
  return object.spec.replicas ?? 1;
}

export function isRollingUpdate(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== "Recreate";
}

export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? fenceposts(deployment).surge : 0;
}

export function maxUnavailable(deployment: Deployment): number {
  if (!isRollingUpdate(deployment) || replicasOf(deployment) === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, replicasOf(deployment));
}

/** Surge rounds up, unavailable down; when both come to nothing, one may be unavailable. */
function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const desired = replicasOf(deployment);
  const surge = scaledValue(rolling?.maxSurge ?? 0, desired, Math.ceil);
  const unavailable = scaledValue(rolling?.maxUnavailable ?? 0, desired, Math.floor);
  return surge === 0 && unavailable === 0 ? { surge: 0, unavailable: 1 } : { surge, unavailable };
}

/** 3 or "25%" of the total. */
function scaledValue(value: number | string, total: number, round: (value: number) => number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  return percent === undefined ? 0 : round((Number(percent) * total) / 100);
}

/** How many replicas the new ReplicaSet may have by now (NewRSNewReplicas). */
export function newReplicaSetSize(
  deployment: Deployment,
  all: readonly ReplicaSet[],
  newReplicaSet: Pick<ReplicaSet, "spec">,
): number {
  const desired = replicasOf(deployment);
  if (!isRollingUpdate(deployment)) return desired;
  const current = sumReplicas(all);
  const size = newReplicaSet.spec.replicas ?? 1;
  const room = desired + maxSurge(deployment) - current;
  return room <= 0 ? size : size + Math.min(room, desired - size);
}

export function sumReplicas(replicaSets: readonly ReplicaSet[]): number {
  return replicaSets.reduce((sum, replicaSet) => sum + replicasOf(replicaSet), 0);
}

/** By how much one ReplicaSet changes when `toAdd` replicas are shared out, of which `added` are gone already. */
export function proportion(replicaSet: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
  if (replicasOf(replicaSet) === 0 || toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(replicaSet, deployment);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, allowed) : Math.max(fraction, allowed);
}

function fractionOf(replicaSet: ReplicaSet, deployment: Deployment): number {
  const size = replicasOf(replicaSet);
  if (replicasOf(deployment) === 0) return -size;
  const maxNow = replicasOf(deployment) + maxSurge(deployment);
  const annotated = nonNegativeInteger(replicaSet.metadata.annotations?.[maxReplicasAnnotation]);
  const maxBefore = annotated || (deployment.status?.replicas ?? 0);
  if (maxBefore === 0) return 0;
  return Math.round((size * maxNow) / maxBefore) - size;
}

/** The number an annotation holds, or undefined when it holds none. */
export function nonNegativeInteger(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= 0x7fffffff ? Number(text) : undefined;
}
