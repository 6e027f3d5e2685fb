/** Sizes of ReplicaSets outside of a rollout, and their clean-up (deployment/sync.go). */
import type { ReplicaSet } from "../../kinds.ts";
import { desiredReplicasAnnotation, maxReplicasAnnotation, revisionOf, sizeAnnotations } from "./annotations.ts";
import { isRollingUpdate, maxSurge, nonNegativeInteger, proportion, replicasOf, sumReplicas } from "./limits.ts";
import { compareAge, type Rollout, replaceReplicaSet, splitReplicaSets, withReplicas } from "./rollout.ts";

/** True when spec.replicas changed since the sizes were noted on the ReplicaSets: scale first, roll out then. */
export function isScalingEvent(rollout: Rollout): boolean {
  return withReplicas(rollout.replicaSets).some((replicaSet) => {
    const desired = nonNegativeInteger(replicaSet.metadata.annotations?.[desiredReplicasAnnotation]);
    return desired !== undefined && desired !== replicasOf(rollout.deployment);
  });
}

/** Gives the ReplicaSets the sizes that add up to spec.replicas, in proportion when several have pods. */
export async function scale(rollout: Rollout): Promise<void> {
  const { deployment } = rollout;
  const { current, old } = splitReplicaSets(rollout);
  const only = activeOrLatest(current, old);
  if (only !== undefined) {
    if (replicasOf(only) !== replicasOf(deployment)) await scaleReplicaSet(rollout, only, replicasOf(deployment));
    return;
  }
  if (current !== undefined && isSaturated(rollout, current)) {
    for (const replicaSet of withReplicas(old)) await scaleReplicaSet(rollout, replicaSet, 0);
    return;
  }
  if (isRollingUpdate(deployment)) await scaleInProportion(rollout, current ? [...old, current] : old);
}

/** The one that has pods; the newest when none has; undefined when several have. */
function activeOrLatest(current: ReplicaSet | undefined, old: readonly ReplicaSet[]): ReplicaSet | undefined {
  const active = withReplicas(current ? [...old, current] : old);
  if (active.length === 0) return current ?? [...old].sort(compareAge).at(-1);
  return active.length === 1 ? active[0] : undefined;
}

function isSaturated(rollout: Rollout, replicaSet: ReplicaSet): boolean {
  const wanted = replicasOf(rollout.deployment);
  return (
    replicasOf(replicaSet) === wanted &&
    nonNegativeInteger(replicaSet.metadata.annotations?.[desiredReplicasAnnotation]) === wanted &&
    (replicaSet.status?.availableReplicas ?? 0) === wanted
  );
}

async function scaleInProportion(rollout: Rollout, replicaSets: readonly ReplicaSet[]): Promise<void> {
  const { deployment } = rollout;
  const wanted = replicasOf(deployment);
  const active = withReplicas(replicaSets);
  const toAdd = (wanted > 0 ? wanted + maxSurge(deployment) : 0) - sumReplicas(active);
  // The largest first; among equals the newer when it grows, the older when it shrinks.
  active.sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? compareAge(b, a) : compareAge(a, b)));
  let added = 0;
  const sizes = active.map((replicaSet) => {
    const share = toAdd === 0 ? 0 : proportion(replicaSet, deployment, toAdd, added);
    added += share;
    return replicasOf(replicaSet) + share;
  });
  for (const [index, replicaSet] of active.entries()) {
    const leftover = index === 0 && toAdd !== 0 ? toAdd - added : 0;
    await scaleReplicaSet(rollout, replicaSet, Math.max((sizes[index] ?? 0) + leftover, 0));
  }
}

/** Gives a ReplicaSet its size and notes the Deployment's on it. True when the size changed. */
export async function scaleReplicaSet(rollout: Rollout, replicaSet: ReplicaSet, size: number): Promise<boolean> {
  const { deployment } = rollout;
  const before = replicasOf(replicaSet);
  const annotations = sizeAnnotations(replicasOf(deployment), replicasOf(deployment) + maxSurge(deployment));
  const noted = replicaSet.metadata.annotations ?? {};
  const annotated =
    noted[desiredReplicasAnnotation] === annotations[desiredReplicasAnnotation] &&
    noted[maxReplicasAnnotation] === annotations[maxReplicasAnnotation];
  if (before === size && annotated) return false;
  const written = await rollout.writer.change(replicaSet, { replicas: size, annotations });
  replaceReplicaSet(rollout, written);
  if (before === size) return false;
  const direction = before < size ? "up" : "down";
  const message = `Scaled ${direction} replica set ${replicaSet.metadata.name} from ${before} to ${size}`;
  rollout.event("Normal", "ScalingReplicaSet", message);
  return true;
}

/** Deletes the oldest of the empty ReplicaSets beyond spec.revisionHistoryLimit. */
export async function cleanUp(rollout: Rollout): Promise<void> {
  const limit = rollout.deployment.spec.revisionHistoryLimit;
  if (limit === undefined || limit === 0x7fffffff) return;
  const kept = splitReplicaSets(rollout).old.filter(
    (replicaSet) => replicaSet.metadata.deletionTimestamp === undefined,
  );
  const surplus = kept.length - limit;
  if (surplus <= 0) return;
  kept.sort((a, b) => (revisionOf(a) ?? 0) - (revisionOf(b) ?? 0) || compareAge(a, b));
  for (const replicaSet of kept.slice(0, surplus)) {
    const { status, metadata } = replicaSet;
    const busy = (status?.replicas ?? 0) !== 0 || replicasOf(replicaSet) !== 0;
    if (busy || (metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) continue;
    await rollout.writer.delete(replicaSet);
  }
}
