/** Keeps a pod of each DaemonSet on each node that wants one (k8s.io/kubernetes/pkg/controller/daemon). */
import { daemonSets, objectKey, splitKey, WorkQueue } from "@podwright/client";
import { type LabelSelector, labelSelectorFromObject } from "@podwright/kube";
import type { Node, Pod } from "../../kinds.ts";
import { controllerOf } from "../../owner-references.ts";
import { claim } from "../claim.ts";
import { type Controller, type ControllerContext, isNamespaceTerminating, reportTo } from "../controller.ts";
import { RevisionHistory, revisionHashLabel } from "../controller-revisions.ts";
import { controllerRevisionInformer, daemonSetInformer, nodeInformer, podInformer } from "../informers.ts";
import { nextAvailabilityMs, PodWriter } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { slowStart } from "../replicaset/slow-start.ts";
import { statusPatch } from "../status-patch.ts";
import type { DaemonSet, DaemonSetStatus } from "./daemon-set.ts";
import { FailedPodBackOff } from "./failed-pod-back-off.ts";
import { type Changes, type DaemonPass, groupByNode, missingAndSurplus } from "./manage.ts";
import { daemonPod } from "./placement.ts";
import { nextOfRollout } from "./rolling-update.ts";
import { daemonSetStatus } from "./status.ts";

/** At most so many pods are created, and deleted, in one go. */
const burstReplicas = 250;

export function createDaemonSetController(context: ControllerContext): Controller {
  const { client, recorder, clock } = context;
  const setClient = client.resource<DaemonSet>(daemonSets);
  const podCache = podInformer(context.informers);
  const nodeCache = nodeInformer(context.informers);
  const setCache = daemonSetInformer(context.informers);
  const podWriter = new PodWriter(client, podCache, clock);
  const setWrites = new RecentWrites(setCache, clock);
  const history = new RevisionHistory(client, controllerRevisionInformer(context.informers), clock);
  const backOff = new FailedPodBackOff(clock);
  const queue = new WorkQueue({ reconcile, concurrency: 2, clock, onError: reportTo(context.logger, "daemonset") });

  setCache.onChange({
    added: (set) => queue.add(objectKey(set)),
    updated: (set) => queue.add(objectKey(set)),
    deleted: (set) => backOff.forget(set.metadata.uid ?? ""),
  });
  nodeCache.onChange({
    added: enqueueAll,
    updated: (node, old) => {
      if (isOtherNode(node, old)) enqueueAll();
    },
    deleted: enqueueAll,
  });
  podCache.onChange({
    added: enqueueOwnerOf,
    updated: (pod, old) => {
      enqueueOwnerOf(pod);
      if (controllerOf(old)?.uid !== controllerOf(pod)?.uid) enqueueOwnerOf(old);
    },
    deleted: enqueueOwnerOf,
  });

  function enqueueAll(): void {
    for (const set of setCache.list()) queue.add(objectKey(set));
  }

  function enqueueOwnerOf(pod: Pod): void {
    const controller = controllerOf(pod);
    if (controller !== undefined) {
      if (controller.kind === "DaemonSet") queue.add(`${pod.metadata.namespace}/${controller.name}`);
      return;
    }
    for (const set of setCache.by("namespace", pod.metadata.namespace ?? "")) {
      if (selectorOf(set).matches(pod.metadata.labels ?? {})) queue.add(objectKey(set));
    }
  }

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const { namespace, name } = splitKey(key);
    const cached = setCache.get(name, namespace);
    const set = cached && setWrites.newest(cached);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
    if (Object.keys(set.spec.selector).length === 0) {
      const message = "This daemon set is selecting all pods. A non-empty selector is required.";
      recorder.event(set, "Warning", "SelectingAll", message);
      return undefined;
    }

    const selector = selectorOf(set);
    const fresh = (): Promise<DaemonSet> => setClient.get(name, namespace);
    const revisions = await history.list(set, selector, fresh);
    const { revision, collisionCount } = await history.current(set, revisions);
    const hash = revision.metadata.labels?.[revisionHashLabel] ?? "";
    const look = async (): Promise<DaemonPass> => passOver(set, hash, await podsOf(set, selector, fresh));

    const pass = await look();
    let againAfterMs: number | undefined;
    let failure: unknown;
    try {
      const changes = missingAndSurplus(pass);
      againAfterMs = changes.againAfterMs;
      await carryOut(pass, changes);
      // What was just created or deleted will be told, and lead here again.
      const settled = changes.createOn.length === 0 && changes.remove.length === 0;
      if (settled && set.spec.updateStrategy?.type !== "OnDelete") await carryOut(pass, nextOfRollout(pass));
    } catch (error) {
      failure = error;
    }
    const after = await look();
    const counted = daemonSetStatus(after);
    await writeStatus(set, collisionCount === 0 ? counted : { ...counted, collisionCount });
    if (failure !== undefined) throw failure;

    const pods = [...after.podsByNode.values()].flat();
    const live = new Set(pods.map((pod) => pod.metadata.labels?.[revisionHashLabel]));
    await history.truncate(
      set,
      revisions,
      (each) => each === revision || live.has(each.metadata.labels?.[revisionHashLabel]),
    );
    const nextMs = nextAvailabilityMs(pods, set.spec.minReadySeconds ?? 0, clock.now());
    if (nextMs === undefined && againAfterMs === undefined) return undefined;
    return { requeueAfterMs: Math.min(nextMs ?? Number.POSITIVE_INFINITY, againAfterMs ?? Number.POSITIVE_INFINITY) };
  }

  async function podsOf(set: DaemonSet, selector: LabelSelector, fresh: () => Promise<DaemonSet>): Promise<Pod[]> {
    const { uid = "", namespace = "" } = set.metadata;
    return claim(set, selector, podWriter.known(uid, namespace), podWriter.client, fresh);
  }

  function passOver(set: DaemonSet, hash: string, pods: Pod[]): DaemonPass {
    return {
      set,
      hash,
      nodes: nodeCache.list(),
      podsByNode: groupByNode(pods),
      nowMs: clock.now(),
      event: (type, reason, message) => recorder.event(set, type, reason, message),
      failedPodDelayMs: (nodeName) => backOff.delayMs(set.metadata.uid ?? "", nodeName),
    };
  }

  async function carryOut({ set, hash }: DaemonPass, { createOn, remove }: Changes): Promise<void> {
    let next = 0;
    const count = Math.min(createOn.length, burstReplicas);
    const failure = await slowStart(count, () => createPod(set, hash, createOn[next++] ?? ""));
    const deletions = await Promise.allSettled(remove.slice(0, burstReplicas).map((pod) => deletePod(set, pod)));
    const failed = failure ?? deletions.find((result) => result.status === "rejected")?.reason;
    if (failed !== undefined) throw failed;
  }

  async function createPod(set: DaemonSet, hash: string, nodeName: string): Promise<void> {
    try {
      const pod = await podWriter.create(daemonPod(set, hash, nodeName));
      recorder.event(set, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      recorder.event(set, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  async function deletePod(set: DaemonSet, pod: Pod): Promise<void> {
    try {
      await podWriter.delete(pod);
    } catch (error) {
      recorder.event(set, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
      throw new Error(`unable to delete pods: ${messageOf(error)}`, { cause: error });
    }
    recorder.event(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
  }

  async function writeStatus(set: DaemonSet, status: DaemonSetStatus): Promise<void> {
    const patch = statusPatch(set.status, status);
    if (patch === undefined) return;
    const { name = "", namespace, uid } = set.metadata;
    const options = { type: "merge", subresource: "status" } as const;
    const written = await setClient.patch(name, namespace, { metadata: { uid }, ...patch }, options);
    setWrites.wrote(written, setCache.get(name, namespace));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

function selectorOf(set: DaemonSet): LabelSelector {
  return labelSelectorFromObject(set.spec.selector);
}

/** Not what nodes write all the time: only what decides where daemons run. */
function isOtherNode(node: Node, old: Node): boolean {
  const decisive = ({ metadata, spec }: Node): string => JSON.stringify([metadata.labels, spec?.taints]);
  return decisive(node) !== decisive(old);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
