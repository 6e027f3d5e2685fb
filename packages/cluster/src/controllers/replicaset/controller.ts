/**
 * Keeps the pods of ReplicaSets at their number (k8s.io/kubernetes/pkg/controller/replicaset/replica_set.go).
 */
import { objectKey, pods, replicaSets, splitKey, WorkQueue } from "@podwright/client";
import type { JsonValue, KubeObject } from "@podwright/kube";
import { labelSelectorFromObject } from "@podwright/kube";
import type { Pod, PodTemplate, ReplicaSet } from "../../kinds.ts";
import { controllerOf, controllerReference } from "../../owner-references.ts";
import { isPodActive, isPodTerminal } from "../../pods.ts";
import { claim } from "../claim.ts";
import {
  type Controller,
  type ControllerContext,
  isNamespaceTerminating,
  isNotFound,
  reportTo,
} from "../controller.ts";
import { podInformer, replicaSetInformer } from "../informers.ts";
import { nextAvailabilityMs } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { statusPatch } from "../status-patch.ts";
import { podsToDelete } from "./deletion-order.ts";
import { slowStart } from "./slow-start.ts";
import { replicaSetStatus } from "./status.ts";

/** At most so many pods are created or deleted in one go. */
const burstReplicas = 500;

export function createReplicaSetController(context: ControllerContext): Controller {
  const { client, recorder, clock } = context;
  const podClient = client.resource<Pod>(pods);
  const replicaSetClient = client.resource<ReplicaSet>(replicaSets);
  const podCache = podInformer(context.informers);
  const replicaSetCache = replicaSetInformer(context.informers);
  const podWrites = new RecentWrites(podCache, clock);
  const replicaSetWrites = new RecentWrites(replicaSetCache, clock);
  const queue = new WorkQueue({ reconcile, concurrency: 5, clock, onError: reportTo(context.logger, "replicaset") });

  replicaSetCache.onChange({
    added: (replicaSet) => queue.add(objectKey(replicaSet)),
    updated: (replicaSet) => queue.add(objectKey(replicaSet)),
  });
  podCache.onChange({
    added: enqueueOwnerOf,
    updated: (pod, old) => {
      enqueueOwnerOf(pod);
      if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) enqueueOwnerOf(old);
    },
    deleted: enqueueOwnerOf,
  });

  function enqueueOwnerOf(pod: Pod): void {
    const controller = controllerOf(pod);
    if (controller !== undefined) {
      if (controller.kind === "ReplicaSet") queue.add(`${pod.metadata.namespace}/${controller.name}`);
      return;
    }
    for (const replicaSet of replicaSetCache.by("namespace", pod.metadata.namespace ?? "")) {
      if (selectorOf(replicaSet).matches(pod.metadata.labels ?? {})) queue.add(objectKey(replicaSet));
    }
  }

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitKey(key);
    const cached = replicaSetCache.get(name, namespace);
    const replicaSet = cached && replicaSetWrites.newest(cached);
    if (replicaSet === undefined) return undefined;

    const uid = replicaSet.metadata.uid ?? "";
    const known = podWrites.merge(
      [...podCache.by("controller", uid), ...podCache.by("controller", `orphan/${namespace}`)],
      (pod) => controllerOf(pod)?.uid === uid,
    );
    const selector = selectorOf(replicaSet);
    const active = await claim(replicaSet, selector, known.filter(isPodActive), podClient, () =>
      replicaSetClient.get(name, namespace),
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
    await writeStatus(replicaSet, active, terminating, failure, nowMs);
    if (failure !== undefined) throw failure;
    const nextMs = nextAvailabilityMs(active, replicaSet.spec.minReadySeconds ?? 0, nowMs);
    return nextMs === undefined ? undefined : { requeueAfterMs: nextMs };
  }

  /** Creates what is missing, deletes what is too much; gives the error if it failed. */
  async function scale(replicaSet: ReplicaSet, active: readonly Pod[]): Promise<unknown> {
    const surplus = active.length - (replicaSet.spec.replicas ?? 1);
    if (surplus < 0) return slowStart(Math.min(-surplus, burstReplicas), () => createPod(replicaSet));
    if (surplus === 0) return undefined;
    const victims = podsToDelete(active, relatedPods(replicaSet), Math.min(surplus, burstReplicas), clock.now());
    const results = await Promise.allSettled(victims.map((pod) => deletePod(replicaSet, pod)));
    return results.find((result) => result.status === "rejected")?.reason;
  }

  async function createPod(replicaSet: ReplicaSet): Promise<void> {
    try {
      const pod = await podClient.create(podFromTemplate(replicaSet.spec.template, replicaSet));
      podWrites.wrote(pod, podCache.get(pod.metadata.name ?? "", pod.metadata.namespace));
      recorder.event(replicaSet, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      recorder.event(replicaSet, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  async function deletePod(replicaSet: ReplicaSet, pod: Pod): Promise<void> {
    const { name = "", namespace, uid = "" } = pod.metadata;
    try {
      const answer = await podClient.delete(name, namespace, { preconditions: { uid } });
      const left = answer as Pod | undefined;
      if (
        left?.kind === "Pod" &&
        left.metadata.deletionTimestamp !== undefined &&
        left.metadata.deletionGracePeriodSeconds !== 0
      ) {
        podWrites.wrote(left, podCache.get(name, namespace));
      } else podWrites.deleted(pod);
    } catch (error) {
      if (isNotFound(error)) {
        podWrites.deleted(pod);
        return;
      }
      recorder.event(replicaSet, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
      throw new Error(`unable to delete pods: ${messageOf(error)}`, { cause: error });
    }
    recorder.event(replicaSet, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  }

  /** The pods of all ReplicaSets of the same owner. */
  function relatedPods(replicaSet: ReplicaSet): Pod[] {
    const owner = controllerOf(replicaSet);
    const siblings = owner === undefined ? [replicaSet] : replicaSetCache.by("controller", owner.uid);
    return siblings.flatMap((sibling) => podCache.by("controller", sibling.metadata.uid ?? ""));
  }

  async function writeStatus(
    replicaSet: ReplicaSet,
    active: readonly Pod[],
    terminating: readonly Pod[],
    failure: unknown,
    nowMs: number,
  ): Promise<void> {
    const status = replicaSetStatus(replicaSet, active, terminating, failure, nowMs);
    // Servers before 1.35 do not keep terminatingReplicas: zero is not worth a write there.
    if (replicaSet.status?.terminatingReplicas === undefined && status.terminatingReplicas === 0) {
      if (replicaSet.status?.observedGeneration !== undefined) delete status.terminatingReplicas;
    }
    const patch = statusPatch(replicaSet.status, status);
    if (patch === undefined) return;
    const { name = "", namespace, uid } = replicaSet.metadata;
    const written = await replicaSetClient.patch(
      name,
      namespace,
      { metadata: { uid }, ...patch },
      {
        type: "merge",
        subresource: "status",
      },
    );
    replicaSetWrites.wrote(written, replicaSetCache.get(name, namespace));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

function selectorOf(replicaSet: ReplicaSet) {
  return labelSelectorFromObject(replicaSet.spec.selector);
}

/** The pod that a template asks for, controlled by its parent (controller_utils.go, GetPodFromTemplate). */
export function podFromTemplate(template: PodTemplate, parent: KubeObject): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${parent.metadata.name}-`,
      namespace: parent.metadata.namespace ?? "",
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(parent)],
    },
    spec: structuredClone(template.spec),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error as JsonValue);
}
