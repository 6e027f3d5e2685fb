/**
 * Gives pods their nodes, one after the other, each in a moment: only the binding is written concurrently
 * (k8s.io/kubernetes/pkg/scheduler/schedule_one.go).
 */
import {
  type Client,
  type Clock,
  type EventRecorder,
  type InformerFactory,
  type Logger,
  pods,
} from "@podwright/client";
import { formatTime } from "@podwright/kube";
import { isLostRace } from "../controllers/controller.ts";
import { nodeInformer, podInformer } from "../controllers/informers.ts";
import type { Node, Pod } from "../kinds.ts";
import { isPodTerminal, podCondition } from "../pods.ts";
import { demandsOf, type Refusal, refuse } from "./filters.ts";
import { NodeInfo } from "./node-info.ts";
import { SchedulingQueue } from "./queue.ts";
import { best } from "./score.ts";
import { describeProblem, describeRefusals, truncate } from "./unschedulable.ts";
import { type PodClaims, PodVolumes } from "./volumes.ts";

/** Bindings on their way at once. */
const maxBindings = 64;

export interface SchedulerOptions {
  client: Client;
  informers: InformerFactory;
  /** Of the component "default-scheduler". */
  recorder: EventRecorder;
  clock: Clock;
  logger: Logger;
  /** Pods with another spec.schedulerName are left alone. */
  schedulerName?: string;
}

export interface Scheduler {
  start(): void;
  stop(): Promise<void>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { recorder, clock, logger, schedulerName = "default-scheduler" } = options;
  const podClient = options.client.resource<Pod>(pods);
  const podCache = podInformer(options.informers);
  const nodeCache = nodeInformer(options.informers);
  const nodes = new Map<string, NodeInfo>();
  /** Where each pod counts, bound or about to be. */
  const placed = new Map<string, string>();
  const queue = new SchedulingQueue(clock, wake);
  const volumes = new PodVolumes(options.client, options.informers, clock, () => queue.moveAll());
  const writes = new Set<Promise<void>>();
  /** Pods that have a node and wait for their volumes there. */
  const waiting = new Set<Promise<void>>();
  let running = false;
  let awake = false;

  podCache.onChange({ added: onPod, updated: onPod, deleted: onPodDeleted });
  nodeCache.onChange({
    added: onNode,
    updated: (node, old) => {
      if (nodeMayTakeMore(node, old)) onNode(node);
      else infoOf(nameOf(node)).node = node;
    },
    deleted: (node) => {
      const info = infoOf(nameOf(node));
      info.node = undefined;
      if (info.podCount === 0) nodes.delete(info.name);
    },
  });

  function onPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    if (pod.spec.nodeName) {
      queue.remove(uid);
      if (isPodTerminal(pod)) unplace(uid);
      else place(pod, pod.spec.nodeName);
    } else if (!isMine(pod)) queue.remove(uid);
    // One that is about to be bound has its place already.
    else if (!placed.has(uid)) queue.add(pod);
  }

  function isMine(pod: Pod): boolean {
    return (
      (pod.spec.schedulerName ?? "default-scheduler") === schedulerName &&
      pod.metadata.deletionTimestamp === undefined &&
      !isPodTerminal(pod) &&
      (pod.spec.schedulingGates ?? []).length === 0
    );
  }

  function onPodDeleted(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    queue.remove(uid);
    volumes.cancel(uid);
    unplace(uid);
  }

  function onNode(node: Node): void {
    infoOf(nameOf(node)).node = node;
    queue.moveAll();
  }

  function infoOf(name: string): NodeInfo {
    let info = nodes.get(name);
    if (info === undefined) {
      info = new NodeInfo(name);
      nodes.set(name, info);
    }
    return info;
  }

  function place(pod: Pod, nodeName: string): void {
    const uid = pod.metadata.uid ?? "";
    const before = placed.get(uid);
    if (before !== undefined && before !== nodeName) infoOf(before).removePod(uid);
    placed.set(uid, nodeName);
    infoOf(nodeName).addPod(pod);
  }

  function unplace(uid: string): void {
    const name = placed.get(uid);
    if (name === undefined) return;
    placed.delete(uid);
    const info = infoOf(name);
    info.removePod(uid);
    if (info.node === undefined && info.podCount === 0) nodes.delete(name);
    queue.moveAll();
  }

  /** Pods that arrive together are scheduled together, after the informer's handlers have run. */
  function wake(): void {
    if (awake || !running) return;
    awake = true;
    setImmediate(run);
  }

  function run(): void {
    awake = false;
    while (running && writes.size < maxBindings) {
      const next = queue.pop();
      if (next === undefined) return;
      scheduleOne(next.pod, next.cycle);
    }
  }

  function scheduleOne(pod: Pod, cycle: number): void {
    const demands = demandsOf(pod);
    const claims = volumes.look(pod);
    if (typeof claims === "string") {
      queue.unschedulable(pod, cycle);
      const known = [...nodes.values()].filter(({ node }) => node !== undefined).length;
      write(reportUnschedulable(pod, describeProblem(claims, known)), pod);
      return;
    }
    const feasible: NodeInfo[] = [];
    const refusals: Refusal[] = [];
    for (const info of nodes.values()) {
      if (info.node === undefined) continue;
      const refusal = refuse(demands, info) ?? (claims && volumes.refuse(claims, info.node));
      if (refusal === undefined) feasible.push(info);
      else refusals.push(refusal);
    }
    const chosen = best(demands, feasible);
    if (chosen === undefined) {
      queue.unschedulable(pod, cycle);
      write(reportUnschedulable(pod, describeRefusals(refusals, pod.spec.preemptionPolicy)), pod);
      return;
    }
    place(pod, chosen.name);
    if (claims !== undefined && claims.waiting.length > 0) bindWithVolumes(pod, claims, chosen);
    else write(bind(pod, chosen.name), pod);
  }

  /** Does not count among the bindings: making a volume may take long. */
  function bindWithVolumes(pod: Pod, claims: PodClaims, { name, node }: NodeInfo): void {
    if (node === undefined) return;
    const done = volumes
      .bind(pod, claims, node)
      .then(
        () => write(bind(pod, name), pod),
        (error: unknown) => {
          giveBack(pod);
          write(Promise.reject(error), pod);
        },
      )
      .finally(() => waiting.delete(done));
    waiting.add(done);
  }

  function write(writing: Promise<void>, pod: Pod): void {
    const done = writing
      .catch((error: unknown) => {
        if (isLostRace(error)) return;
        const fields = { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error: String(error) };
        logger.warn("scheduling failed, it will be tried again", fields);
      })
      .finally(() => {
        writes.delete(done);
        wake();
      });
    writes.add(done);
  }

  async function bind(pod: Pod, nodeName: string): Promise<void> {
    const { name = "", namespace = "", uid = "" } = pod.metadata;
    try {
      await podClient.createSubresource(name, namespace, "binding", {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: nodeName },
      });
    } catch (error) {
      giveBack(pod);
      throw error;
    }
    recorder.event(pod, "Normal", "Scheduled", `Successfully assigned ${namespace}/${name} to ${nodeName}`);
  }

  /** The pod has no place after all. */
  function giveBack({ metadata: { name = "", namespace, uid = "" } }: Pod): void {
    const latest = podCache.get(name, namespace);
    const known = latest?.metadata.uid === uid ? latest : undefined;
    if (known?.spec.nodeName) return;
    unplace(uid);
    // Its changes of the meantime are not told again.
    if (known !== undefined && isMine(known)) queue.retry(known);
  }

  async function reportUnschedulable(pod: Pod, message: string): Promise<void> {
    recorder.event(pod, "Warning", "FailedScheduling", truncate(message));
    const current = podCondition(pod, "PodScheduled");
    if (current?.status === "False" && current.reason === "Unschedulable" && current.message === message) return;
    const { name = "", namespace, uid, generation } = pod.metadata;
    const condition = {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message,
      lastTransitionTime: current?.status === "False" ? current.lastTransitionTime : formatTime(clock.now()),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const patch = { metadata: { uid }, status: { conditions: [condition] } };
    await podClient.patch(name, namespace, patch, { type: "strategic", subresource: "status" });
  }

  return {
    start() {
      running = true;
      wake();
    },
    async stop() {
      running = false;
      queue.close();
      volumes.close();
      await Promise.all(waiting);
      await Promise.all(writes);
    },
  };
}

function nameOf(node: Node): string {
  return node.metadata.name ?? "";
}

/** Not what nodes write all the time: heartbeats change nothing for pods that wait. */
function nodeMayTakeMore(node: Node, old: Node): boolean {
  return (
    JSON.stringify([node.spec, node.metadata.labels, node.status?.allocatable]) !==
    JSON.stringify([old.spec, old.metadata.labels, old.status?.allocatable])
  );
}
