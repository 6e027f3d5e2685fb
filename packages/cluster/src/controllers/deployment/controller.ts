/** Rolls Deployments out (k8s.io/kubernetes/pkg/controller/deployment/deployment_controller.go, syncDeployment). */

import { deployments, replicaSets, splitKey, WorkQueue } from "@podwright/client";
import { cloneJson } from "@podwright/kube";
import type { Deployment, Pod, ReplicaSet } from "../../kinds.ts";
import { controllerOf } from "../../owner-references.ts";
import { claim } from "../claim.ts";
import { type Controller, type ControllerContext, isNotFound, reportTo } from "../controller.ts";
import { deploymentInformer, podInformer, replicaSetInformer } from "../informers.ts";
import { enqueueOwners, selectorOf } from "../owners.ts";
import { RecentWrites } from "../recent-writes.ts";
import { writeStatus } from "../status-patch.ts";
import { revisionAnnotation } from "./annotations.ts";
import { syncRevision } from "./new-replica-set.ts";
import { nextProgressCheckMs, notePause, updateCounts, updateRolloutStatus } from "./progress.ts";
import { recreate } from "./recreate.ts";
import { rollOut } from "./rolling.ts";
import { compareAge, type ReplicaSetWriter, type Rollout } from "./rollout.ts";
import { cleanUp, isScalingEvent, scale } from "./scaling.ts";

export function createDeploymentController(context: ControllerContext): Controller {
  const { client, recorder, clock } = context;
  const deploymentClient = client.resource<Deployment>(deployments);
  const replicaSetClient = client.resource<ReplicaSet>(replicaSets);
  const deploymentCache = deploymentInformer(context.informers);
  const replicaSetCache = replicaSetInformer(context.informers);
  const podCache = podInformer(context.informers);
  const deploymentWrites = new RecentWrites(deploymentCache, clock);
  const replicaSetWrites = new RecentWrites(replicaSetCache, clock);
  const queue = new WorkQueue({ reconcile, concurrency: 5, clock, onError: reportTo(context.logger, "deployment") });

  enqueueOwners({ owners: deploymentCache, kind: "Deployment", owned: replicaSetCache, queue });
  // Only Recreate waits for pods to be gone.
  podCache.onChange({
    deleted: (pod) => {
      const replicaSet = controllerOf(pod);
      const owned = replicaSet && replicaSetCache.get(replicaSet.name, pod.metadata.namespace);
      const deployment = owned && controllerOf(owned);
      if (deployment === undefined) return;
      const key = `${pod.metadata.namespace}/${deployment.name}`;
      const { namespace, name } = splitKey(key);
      if (deploymentCache.get(name, namespace)?.spec.strategy?.type === "Recreate") queue.add(key);
    },
  });

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const known = deploymentWrites.get(key);
    if (known === undefined) return undefined;
    if (isEmptySelector(known)) return refuseToSelectAll(known);

    const rollout = await begin(known);
    try {
      await advance(rollout);
    } finally {
      await keep(known, rollout.deployment);
    }
    const nextMs = nextProgressCheckMs(rollout);
    return nextMs === undefined ? undefined : { requeueAfterMs: nextMs };
  }

  async function begin(known: Deployment): Promise<Rollout> {
    const { namespace, name = "" } = known.metadata;
    const candidates = replicaSetWrites.ofOwner(known);
    const owned = await claim(known, selectorOf(known), candidates, replicaSetClient, () =>
      deploymentClient.get(name, namespace),
    );
    return {
      deployment: { ...known, metadata: { ...known.metadata }, status: cloneJson(known.status ?? {}) },
      replicaSets: owned.sort(compareAge),
      podsOf: (replicaSet) => podCache.by("controller", replicaSet.metadata.uid ?? "") as Pod[],
      writer,
      event: (type, reason, message) => recorder.event(known, type, reason, message),
      nowMs: clock.now(),
    };
  }

  const writer: ReplicaSetWriter = {
    async create(replicaSet) {
      return remember(await replicaSetClient.create(replicaSet));
    },
    get: ({ metadata }) => replicaSetClient.get(metadata.name ?? "", metadata.namespace),
    async change(replicaSet, { replicas, annotations, minReadySeconds }) {
      const { name = "", namespace, uid, resourceVersion } = replicaSet.metadata;
      const patch = {
        metadata: { uid, resourceVersion, ...(annotations ? { annotations } : {}) },
        spec: {
          ...(replicas !== undefined ? { replicas } : {}),
          ...(minReadySeconds !== undefined ? { minReadySeconds } : {}),
        },
      };
      return remember(await replicaSetClient.patch(name, namespace, patch, { type: "merge" }));
    },
    async delete(replicaSet) {
      const { name = "", namespace, uid = "" } = replicaSet.metadata;
      await replicaSetClient
        .delete(name, namespace, { preconditions: { uid }, propagationPolicy: "Background" })
        .catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
      replicaSetWrites.deleted(replicaSet);
    },
  };

  function remember(written: ReplicaSet): ReplicaSet {
    replicaSetWrites.wrote(written);
    return written;
  }

  /** Writes status and revision when they changed. */
  async function keep(known: Deployment, { metadata, status = {} }: Deployment): Promise<void> {
    const revision = metadata.annotations?.[revisionAnnotation];
    const isRevised = revision !== known.metadata.annotations?.[revisionAnnotation];
    const revised = isRevised ? { annotations: { [revisionAnnotation]: revision ?? null } } : undefined;
    await writeStatus(deploymentClient, deploymentWrites, known, status, revised);
  }

  async function refuseToSelectAll(deployment: Deployment): Promise<undefined> {
    const message = "This deployment is selecting all pods. A non-empty selector is required.";
    recorder.event(deployment, "Warning", "SelectingAll", message);
    const observedGeneration = deployment.metadata.generation ?? 1;
    await keep(deployment, { ...deployment, status: { ...deployment.status, observedGeneration } });
  }

  return queue;
}

/** One pass. What it decides for the Deployment itself is left in `rollout.deployment`. */
async function advance(rollout: Rollout): Promise<void> {
  const { deployment } = rollout;
  if (deployment.metadata.deletionTimestamp !== undefined) return updateCounts(rollout);
  notePause(rollout);
  await syncRevision(rollout);
  if (deployment.spec.paused) {
    await scale(rollout);
    await cleanUp(rollout);
    return updateCounts(rollout);
  }
  if (isScalingEvent(rollout)) {
    await scale(rollout);
    return updateCounts(rollout);
  }
  if (deployment.spec.strategy?.type === "Recreate") await recreate(rollout);
  else await rollOut(rollout);
  updateRolloutStatus(rollout);
}

function isEmptySelector(deployment: Deployment): boolean {
  const { matchLabels, matchExpressions } = deployment.spec.selector ?? {};
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}
