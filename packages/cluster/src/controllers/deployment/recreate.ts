/** Recreate (k8s.io/kubernetes/pkg/controller/deployment/recreate.go). */
import { isPodTerminal } from "../../pods.ts";
import { replicasOf } from "./limits.ts";
import { ensureNewReplicaSet } from "./new-replica-set.ts";
import { isComplete } from "./progress.ts";
import { type Rollout, splitReplicaSets, withReplicas } from "./rollout.ts";
import { cleanUp, scaleReplicaSet } from "./scaling.ts";

/** One step: all old pods go, then the new ones come. */
export async function recreate(rollout: Rollout): Promise<void> {
  const active = withReplicas(splitReplicaSets(rollout).old);
  for (const replicaSet of active) await scaleReplicaSet(rollout, replicaSet, 0);
  if (active.length > 0 || oldPodsRunning(rollout)) return;
  const current = await ensureNewReplicaSet(rollout);
  if (replicasOf(current) !== replicasOf(rollout.deployment)) {
    await scaleReplicaSet(rollout, current, replicasOf(rollout.deployment));
  }
  if (isComplete(rollout.deployment, rollout.deployment.status)) await cleanUp(rollout);
}

function oldPodsRunning(rollout: Rollout): boolean {
  return splitReplicaSets(rollout).old.some(
    (replicaSet) =>
      (replicaSet.status?.replicas ?? 0) > 0 || rollout.podsOf(replicaSet).some((pod) => !isPodTerminal(pod)),
  );
}
