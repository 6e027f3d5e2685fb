import { randomBytes } from "node:crypto";
import type { ContainerLogsRequest, NodeAnswer } from "@podwright/apiserver";
import {
  type Client,
  type Clock,
  EventRecorder,
  type Informer,
  InformerFactory,
  type Logger,
  nodes,
  pods,
  silentLogger,
  systemClock,
  withoutManagedFields,
} from "@podwright/client";
import type { Node, Pod } from "../kinds.ts";
import { podRange } from "./addresses.ts";
import { containerLogs, type LoggingPod } from "./container-logs.ts";
import { type KubeletServer, startKubeletServer } from "./kubelet-server.ts";
import { NodeAgent } from "./node-agent.ts";
import { nodeObject } from "./node-object.ts";
import { ensureLease, registerNode, startHeartbeat } from "./registration.ts";
import type { ContainerRuntime, RuntimeEvents } from "./runtime.ts";
import { SimulatedRuntime } from "./simulated-runtime.ts";
import { StatusWriter } from "./status-writer.ts";

export interface StartNodesOptions {
  client: Client;
  /** How many. */
  nodes: number;
  /** Their names; without, they get names of their own, and are taken away when they stop. */
  names?: string[];
  /**
   * How often each renews its Lease. Undefined: never, for a cluster without a node lifecycle controller; a real
   * one wants 10,000.
   */
  heartbeatMs?: number;
  /** What each has: 32 cores, 256 GiB and room for 250 pods where nothing is said. */
  capacity?: Record<string, string>;
  labels?: Record<string, string>;
  /** From a pod's arrival to the start of its first container. Default 0. */
  startDelayMs?: number;
  /** The pods of the whole cluster, where somebody in the process has them already. */
  podInformer?: Informer<Pod>;
  /**
   * Serves logs to the cluster's API server on the loopback address. Default: true. Not needed where that server is
   * in the same process: it asks {@link RunningNodes.containerLogs}.
   */
  kubeletServer?: boolean;
  clock?: Clock;
  logger?: Logger;
}

export interface RunningNodes {
  names: string[];
  /** What the kubelet of the node answers; undefined when the node is none of these. */
  containerLogs(node: string, request: ContainerLogsRequest): NodeAnswer | undefined;
  /** Stops; the containers of nodes with given names are taken up by the next agent of that name. */
  stop(): Promise<void>;
}

const defaultCapacity = { cpu: "32", "ephemeral-storage": "1Ti", memory: "256Gi", pods: "250" };

/**
 * Starts simulated nodes that join the client's cluster, embedded or real, register themselves and run the pods
 * that are bound to them. Resolves when all are registered.
 */
export async function startNodes(options: StartNodesOptions): Promise<RunningNodes> {
  const { client, clock = systemClock, logger = silentLogger } = options;
  const leaving = options.names === undefined;
  const names = options.names ?? newNames(options.nodes);
  const capacity = { ...defaultCapacity, ...options.capacity };
  const agents = new Map<string, NodeAgent>();
  const kubelet = options.kubeletServer === false ? undefined : await startKubelet();

  const wanted = names.map((name, index) =>
    nodeObject(
      {
        name,
        ip: nodeAddress(index),
        podCidr: podRange(index, Number(capacity.pods)),
        capacity,
        labels: options.labels ?? {},
        runtime: "simulated://0.1.0",
        ...(kubelet ? { kubelet } : {}),
      },
      clock.now(),
    ),
  );
  const writer = new StatusWriter(client, clock, logger);
  const recorders: EventRecorder[] = [];
  const registered = await Promise.all(
    wanted.map(async (node) => {
      const known = await registerNode(client, node);
      await ensureLease(client, known, clock);
      return known;
    }),
  );
  for (const node of registered) agents.set(node.metadata.name ?? "", agentOf(node));

  /** One for all nodes: pods are found by their names. */
  function startKubelet(): Promise<KubeletServer> {
    const podOf = (namespace: string, pod: string): LoggingPod | undefined =>
      [...agents.values()].map((agent) => agent.loggingPod(namespace, pod)).find((found) => found !== undefined);
    return startKubeletServer({
      nowMs: clock.now(),
      containerLogs: (request) => containerLogs(podOf(request.namespace, request.pod), request, clock.now()),
    });
  }

  function agentOf(node: Node): NodeAgent {
    const recorder = new EventRecorder(client, { component: "kubelet", host: node.metadata.name ?? "", clock, logger });
    recorders.push(recorder);
    const podCidr = node.spec?.podCIDR ?? podRange(0, Number(capacity.pods));
    const runtime = (events: RuntimeEvents): ContainerRuntime =>
      new SimulatedRuntime({ clock, events, podCidr, startDelayMs: options.startDelayMs ?? 0 });
    const latestNode = (): Promise<Node> => client.resource<Node>(nodes).get(node.metadata.name ?? "");
    return new NodeAgent({
      node,
      latestNode,
      runtime,
      clock,
      recorder,
      logger,
      changed: (worker) => writer.add(worker),
    });
  }

  const own = options.podInformer === undefined ? ownPods(client, clock, logger) : undefined;
  const podCache = options.podInformer ?? (own?.podInformer as Informer<Pod>);
  const tell = (pod: Pod): void => agents.get(pod.spec.nodeName ?? "")?.onPod(pod);
  const unsubscribe = podCache.onChange({
    added: tell,
    updated: tell,
    deleted: (pod) => agents.get(pod.spec.nodeName ?? "")?.onPodDeleted(pod),
  });
  writer.start();
  own?.factory.start();

  const heartbeats =
    options.heartbeatMs === undefined
      ? []
      : registered.map((node, index) =>
          startHeartbeat(
            client,
            clock,
            options.heartbeatMs as number,
            () => beating(node, wanted[index] as Node),
            (error) => logger.warn("a node's heartbeat failed", { node: node.metadata.name, error: String(error) }),
          ),
        );

  return {
    names,
    containerLogs(node, request) {
      const agent = agents.get(node);
      return agent && containerLogs(agent.loggingPod(request.namespace, request.pod), request, clock.now());
    },
    async stop() {
      await kubelet?.close();
      unsubscribe();
      await Promise.all(heartbeats.map((heartbeat) => heartbeat.stop()));
      await Promise.all([...agents.values()].map((agent) => agent.stop()));
      await writer.stop();
      await Promise.all(recorders.map((recorder) => recorder.stop()));
      await own?.factory.stop();
      if (!leaving) return;
      await Promise.all(
        registered.map(({ metadata }) =>
          client
            .resource(nodes)
            .delete(metadata.name ?? "")
            .catch(() => undefined),
        ),
      );
    },
  };
}

function ownPods(client: Client, clock: Clock, logger: Logger) {
  const factory = new InformerFactory(client, { clock, logger });
  const podInformer = factory.for<Pod>(pods, {
    fieldSelector: "spec.nodeName!=",
    transform: withoutManagedFields as (pod: Pod) => Pod,
  });
  return { factory, podInformer };
}

/** The registered node with what the agent wants to say of it now. */
function beating(registered: Node, wanted: Node): Node {
  return { ...wanted, metadata: registered.metadata };
}

function newNames(count: number): string[] {
  const group = randomBytes(3).toString("hex");
  return Array.from({ length: count }, (_unused, index) => `simulated-${group}-${index + 1}`);
}

/** 10.239.0.1, 10.239.0.2, …: addresses that nobody has. */
function nodeAddress(index: number): string {
  return `10.239.${Math.floor((index + 1) / 256)}.${(index + 1) % 256}`;
}
