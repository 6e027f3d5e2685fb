/**
 * Keeps the pods of ReplicaSets at their number (k8s.io/kubernetes/pkg/controller/replicaset/replica_set.go).
 */
import { replicaSets, WorkQueue } from "@podwright/client";
import type { Pod, ReplicaSet, ReplicaSetStatus } from "../../kinds.ts";
import { controllerOf } from "../../owner-references.ts";
import { isPodActive, isPodTerminal } from "../../pods.ts";
import { claim } from "../claim.ts";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { podInformer, replicaSetInformer } from "../informers.ts";
import { enqueueOwners, selectorOf } from "../owners.ts";
import { PodControl } from "../pod-control.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import { nextAvailabilityMs, PodWriter } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { writeStatus } from "../status-patch.ts";
import { podsToDelete } from "./deletion-order.ts";
import { slowStart } from "./slow-start.ts";
import { replicaSetStatus } from "./status.ts";

/** At most so many pods are created or deleted in one go. */
const burstReplicas = 500;

export function createReplicaSetController(context: ControllerContext): Controller {
  const { client, recorder, clock } = context;
  const resource = client.resource<ReplicaSet>(replicaSets);
  const podCache = podInformer(context.informers);
  const cache = replicaSetInformer(context.informers);
  const pods = new PodWriter(client, podCache, clock);
  const control = new PodControl(pods, recorder);
  const writes = new RecentWrites(cache, clock);
  const queue = new WorkQueue({ reconcile, concurrency: 5, clock, onError: reportTo(context.logger, "replicaset") });
  enqueueOwners({ owners: cache, kind: "ReplicaSet", owned: podCache, queue });

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const replicaSet = writes.get(key);
    if (replicaSet === undefined) return undefined;

    const { uid, name = "", namespace } = replicaSet.metadata;
    const known = pods.known(replicaSet);
    const selector = selectorOf(replicaSet);
    const active = await claim(replicaSet, selector, known.filter(isPodActive), pods.client, () =>
      resource.get(name, namespace),
    );
    const terminating = known.filter(
      (pod) =>
        !isPodTerminal(pod) &&
        pod.metadata.deletionTimestamp !== undefined &&
        controllerOf(pod)?.uid === uid &&
        selector.matches(pod.metadata.labels ?? {}),
    );

    const failure = replicaSet.metadata.deletionTimestamp === undefined ? await scale(replicaSet, active) : undefined;
    const nowMs = clock.now();
    const status = keptStatus(replicaSet, replicaSetStatus(replicaSet, active, terminating, failure, nowMs));
    await writeStatus(resource, writes, replicaSet, status);
    if (failure !== undefined) throw failure;
    const nextMs = nextAvailabilityMs(active, replicaSet.spec.minReadySeconds ?? 0, nowMs);
    return nextMs === undefined ? undefined : { requeueAfterMs: nextMs };
  }

  /** Creates what is missing, deletes what is too much; gives the error if it failed. */
  async function scale(replicaSet: ReplicaSet, active: readonly Pod[]): Promise<unknown> {
    const surplus = active.length - (replicaSet.spec.replicas ?? 1);
    if (surplus < 0) {
      const create = () => control.create(replicaSet, podFromTemplate(replicaSet.spec.template, replicaSet));
      return slowStart(Math.min(-surplus, burstReplicas), create);
    }
    if (surplus === 0) return undefined;
    const victims = podsToDelete(active, relatedPods(replicaSet), Math.min(surplus, burstReplicas), clock.now());
    const results = await Promise.allSettled(victims.map((pod) => control.delete(replicaSet, pod)));
    return results.find((result) => result.status === "rejected")?.reason;
  }

  /** The pods of all ReplicaSets of the same owner. */
  function relatedPods(replicaSet: ReplicaSet): Pod[] {
    const owner = controllerOf(replicaSet);
    const siblings = owner === undefined ? [replicaSet] : cache.by("controller", owner.uid);
    return siblings.flatMap((sibling) => podCache.by("controller", sibling.metadata.uid ?? ""));
  }

  return queue;
}

/** Servers before 1.35 do not keep terminatingReplicas: zero is not worth a write there. */
function keptStatus({ status: old }: ReplicaSet, status: ReplicaSetStatus): ReplicaSetStatus {
  const isNews = old?.terminatingReplicas !== undefined || status.terminatingReplicas !== 0;
  if (isNews || old?.observedGeneration === undefined) return status;
  const { terminatingReplicas: _zero, ...kept } = status;
  return kept;
}
