/** Keeps a pod of each DaemonSet on each node that wants one (k8s.io/kubernetes/pkg/controller/daemon). */
import { daemonSets, objectKey, WorkQueue } from "@podwright/client";
import type { LabelSelector } from "@podwright/kube";
import type { Node, Pod } from "../../kinds.ts";
import { claim } from "../claim.ts";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { RevisionHistory, revisionHashLabel } from "../controller-revisions.ts";
import { controllerRevisionInformer, daemonSetInformer, nodeInformer, podInformer } from "../informers.ts";
import { enqueueOwners, selectorOf } from "../owners.ts";
import { PodControl } from "../pod-control.ts";
import { nextAvailabilityMs, PodWriter } from "../pod-writer.ts";
import { RecentWrites } from "../recent-writes.ts";
import { slowStart } from "../replicaset/slow-start.ts";
import { writeStatus } from "../status-patch.ts";
import type { DaemonSet } from "./daemon-set.ts";
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
  const control = new PodControl(podWriter, recorder);
  const setWrites = new RecentWrites(setCache, clock);
  const history = new RevisionHistory(client, controllerRevisionInformer(context.informers), clock);
  const backOff = new FailedPodBackOff(clock);
  const queue = new WorkQueue({ reconcile, concurrency: 2, clock, onError: reportTo(context.logger, "daemonset") });

  enqueueOwners({ owners: setCache, kind: "DaemonSet", owned: podCache, queue });
  setCache.onChange({ deleted: (set) => backOff.forget(set.metadata.uid ?? "") });
  nodeCache.onChange({
    added: enqueueAll,
    updated: (node, old) => {
      if (isOtherNode(node, old)) enqueueAll();
    },
    deleted: enqueueAll,
  });
  function enqueueAll(): void {
    for (const set of setCache.list()) queue.add(objectKey(set));
  }

  async function reconcile(key: string): Promise<{ requeueAfterMs: number } | undefined> {
    const set = setWrites.get(key);
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return undefined;
    if (Object.keys(set.spec.selector).length === 0) {
      const message = "This daemon set is selecting all pods. A non-empty selector is required.";
      recorder.event(set, "Warning", "SelectingAll", message);
      return undefined;
    }

    const selector = selectorOf(set);
    const { name = "", namespace } = set.metadata;
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
    await writeStatus(setClient, setWrites, set, collisionCount === 0 ? counted : { ...counted, collisionCount });
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
    return claim(set, selector, podWriter.known(set), podWriter.client, fresh);
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
    const failure = await slowStart(count, () => control.create(set, daemonPod(set, hash, createOn[next++] ?? "")));
    const deletions = await Promise.allSettled(remove.slice(0, burstReplicas).map((pod) => control.delete(set, pod)));
    const failed = failure ?? deletions.find((result) => result.status === "rejected")?.reason;
    if (failed !== undefined) throw failed;
  }

  return queue;
}

/** Not what nodes write all the time: only what decides where daemons run. */
function isOtherNode(node: Node, old: Node): boolean {
  const decisive = ({ metadata, spec }: Node): string => JSON.stringify([metadata.labels, spec?.taints]);
  return decisive(node) !== decisive(old);
}
