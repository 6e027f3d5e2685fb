/** RollingUpdate (k8s.io/kubernetes/pkg/controller/deployment/rolling.go). */
import type { ReplicaSet } from "../../kinds.ts";
import { maxUnavailable, newReplicaSetSize, replicasOf, sumReplicas } from "./limits.ts";
import { ensureNewReplicaSet } from "./new-replica-set.ts";
import { isComplete } from "./progress.ts";
import { compareAge, type Rollout, splitReplicaSets, withReplicas } from "./rollout.ts";
import { cleanUp, scaleReplicaSet } from "./scaling.ts";

/** One step: the new ReplicaSet up as far as the surge lets it, else the old ones down as far as they may. */
export async function rollOut(rollout: Rollout): Promise<void> {
  const current = await ensureNewReplicaSet(rollout);
  if (await growNew(rollout, current)) return;
  if (await shrinkOld(rollout)) return;
  if (isComplete(rollout.deployment, rollout.deployment.status)) await cleanUp(rollout);
}

async function growNew(rollout: Rollout, current: ReplicaSet): Promise<boolean> {
  const wanted = replicasOf(rollout.deployment);
  if (replicasOf(current) === wanted) return false;
  const size =
    replicasOf(current) > wanted ? wanted : newReplicaSetSize(rollout.deployment, rollout.replicaSets, current);
  return size !== replicasOf(current) && scaleReplicaSet(rollout, current, size);
}

async function shrinkOld(rollout: Rollout): Promise<boolean> {
  const { deployment } = rollout;
  const { current, old } = splitReplicaSets(rollout);
  const active = withReplicas(old).sort(compareAge);
  if (current === undefined || active.length === 0) return false;

  const minAvailable = replicasOf(deployment) - maxUnavailable(deployment);
  const newUnavailable = replicasOf(current) - availableOf(current);
  const mayGo = sumReplicas(active) + replicasOf(current) - minAvailable - newUnavailable;
  if (mayGo <= 0) return false;
  const cleaned = await shrinkUnhealthy(rollout, active, mayGo);
  const scaled = await shrinkHealthy(rollout, minAvailable);
  return cleaned + scaled > 0;
}

/** Pods that are not available are not missed. */
async function shrinkUnhealthy(rollout: Rollout, active: readonly ReplicaSet[], mayGo: number): Promise<number> {
  let gone = 0;
  for (const replicaSet of active) {
    if (gone >= mayGo) break;
    const unavailable = replicasOf(replicaSet) - availableOf(replicaSet);
    if (unavailable <= 0) continue;
    const count = Math.min(mayGo - gone, unavailable);
    await scaleReplicaSet(rollout, replicaSet, replicasOf(replicaSet) - count);
    gone += count;
  }
  return gone;
}

async function shrinkHealthy(rollout: Rollout, minAvailable: number): Promise<number> {
  const { current, old } = splitReplicaSets(rollout);
  const active = withReplicas(old).sort(compareAge);
  const available = [...active, ...(current ? [current] : [])].reduce((sum, one) => sum + availableOf(one), 0);
  const mayGo = available - minAvailable;
  let gone = 0;
  for (const replicaSet of active) {
    if (gone >= mayGo) break;
    const count = Math.min(replicasOf(replicaSet), mayGo - gone);
    await scaleReplicaSet(rollout, replicaSet, replicasOf(replicaSet) - count);
    gone += count;
  }
  return gone;
}

function availableOf(replicaSet: ReplicaSet): number {
  return replicaSet.status?.availableReplicas ?? 0;
}
