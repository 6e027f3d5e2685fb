import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { NodeConnection } from "@podwright/apiserver";
import {
  type Client,
  type Clock,
  EventRecorder,
  type Informer,
  InformerFactory,
  type Logger,
  nodes,
  pods,
  services,
  silentLogger,
  systemClock,
} from "@podwright/client";
import type { Namespace, Node, Pod, Service } from "../kinds.ts";
import { nodeAddress, podRange } from "./addresses.ts";
import type { KubeletServer } from "./kubelet-server.ts";
import { NodeAgent } from "./node-agent.ts";
import { nodeConnection } from "./node-connection.ts";
import { NodeImages } from "./node-images.ts";
import { nodeObject, ready } from "./node-object.ts";
import { NodeReadiness } from "./node-readiness.ts";
import { NodeObjects } from "./objects/node-objects.ts";
import { createPodSetups } from "./pod-setups.ts";
import { ensureLease, registerNode, startHeartbeat } from "./registration.ts";
import type { RuntimeEvents } from "./runtime.ts";
import { NodeRuntimes } from "./runtimes/node-runtimes.ts";
import { type RuntimeMachines, simulatedMachines } from "./runtimes/runtime-machines.ts";
import { StatusWriter } from "./status-writer.ts";

export interface StartNodesOptions {
  client: Client;
  /** How many. */
  nodes: number;
  /** Their names; without, they get names of their own, and are taken away when they stop. */
  names?: string[];
  /**
   * How often each renews its Lease: 10,000 for a cluster whose controllers are elsewhere, which takes nodes for lost
   * after 50 s of silence. Undefined: never, for the nodes of its own process, and for less time than that.
   */
  heartbeatMs?: number;
  /** What each has: 32 cores, 256 GiB and room for 250 pods where nothing is said. */
  capacity?: Record<string, string>;
  labels?: Record<string, string>;
  /** From a simulated pod's arrival to the start of its first container. Default 0. */
  startDelayMs?: number;
  /** What runs the containers; closed by whoever opened it. Default: simulated. */
  machines?: RuntimeMachines;
  /** Where pods' volumes and files are kept, for runtimes that run programs: a folder of each node in it. */
  directory?: string;
  /** The namespaces of the cluster, where somebody has them already: one can choose the runtime of its pods. */
  namespaceInformer?: Pick<Informer<Namespace>, "get">;
  /** The pods of the whole cluster, where somebody in the process has them already. */
  podInformer?: Informer<Pod>;
  /** The Services of the whole cluster, where somebody has them already. */
  serviceInformer?: Pick<Informer<Service>, "list">;
  /**
   * A folder with manifests of static pods. Default: "manifests" in the node's folder, where there is one. With more
   * than one node each runs them.
   */
  staticPodPath?: string;
  /**
   * The addresses of the cluster's DNS servers, for pods whose dnsPolicy wants them: asked for when the first program
   * is to run. Default none.
   */
  clusterDns?(): Promise<readonly string[]>;
  /** Told when the daemon that runs containers is back, which may have changed the machine's network. */
  runtimeBack?(): void;
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
  /** The way to what runs on them. */
  connection: NodeConnection;
  /** Stops; the containers of nodes with given names are taken up by the next agent of that name. */
  stop(): Promise<void>;
}

const clusterDomain = "cluster.local";

const defaultCapacity: Readonly<Record<string, string>> = {
  cpu: "32",
  "ephemeral-storage": "1Ti",
  memory: "256Gi",
  pods: "250",
};

/**
 * Starts nodes that join the client's cluster, embedded or real, register themselves and run the pods
 * that are bound to them. Resolves when all are registered.
 */
export async function startNodes(options: StartNodesOptions): Promise<RunningNodes> {
  const { client, clock = systemClock, logger = silentLogger } = options;
  const leaving = options.names === undefined;
  const names = options.names ?? newNames(options.nodes);
  const machines = options.machines ?? (await simulatedMachines(clock, options.startDelayMs));
  const { main } = machines;
  const capacity = { ...(main.capacity ?? defaultCapacity), ...options.capacity };
  const agents = new Map<string, NodeAgent>();
  const health = new Map<string, NodeReadiness>();
  const images = new Map<string, NodeImages>();
  const connection = nodeConnection((node) => agents.get(node), clock);
  const kubelet = options.kubeletServer === false ? undefined : await startKubelet();

  const wanted = names.map((name, index) =>
    nodeObject(
      {
        name,
        // The bridge's address is the machine's own, for pods and for whoever is on it.
        ip: main.podNetwork?.gateway ?? nodeAddress(index),
        podCidr: main.podNetwork?.cidr ?? podRange(index, Number(capacity["pods"])),
        capacity,
        labels: options.labels ?? {},
        runtime: `${main.name}://${main.version}`,
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
  const own = options.podInformer === undefined ? ownObjects(client, clock, logger) : undefined;
  const serviceCache = options.serviceInformer ?? own?.serviceInformer;
  const objects = new NodeObjects({ client, clock, logger });
  for (const node of registered) agents.set(node.metadata.name ?? "", await agentOf(node));

  /** One for all nodes: pods are found by their names. */
  async function startKubelet(): Promise<KubeletServer> {
    // The embedded cluster goes without.
    const { startKubeletServer } = await import("./kubelet-server.ts");
    return startKubeletServer({
      nowMs: clock.now(),
      connection,
      nodeOf: (namespace, pod) => [...agents].find(([, agent]) => agent.workerOf(namespace, pod) !== undefined)?.[0],
    });
  }

  async function agentOf(node: Node): Promise<NodeAgent> {
    const recorder = new EventRecorder(client, { component: "kubelet", host: node.metadata.name ?? "", clock, logger });
    recorders.push(recorder);
    const podCidr = node.spec?.podCIDR ?? podRange(0, Number(capacity["pods"]));
    const runtimes = (events: RuntimeEvents): NodeRuntimes =>
      new NodeRuntimes({
        machines,
        node: node.metadata.name ?? "",
        podCidr,
        events,
        namespaceAnnotations: (namespace) => options.namespaceInformer?.get(namespace)?.metadata.annotations,
      });
    const latestNode = (): Promise<Node> => client.resource<Node>(nodes).get(node.metadata.name ?? "");
    let agent: NodeAgent | undefined;
    const name = node.metadata.name ?? "";
    const setups = createPodSetups({
      client,
      clock,
      logger,
      objects,
      root: options.directory && join(options.directory, name),
      node: () => node,
      services: () => serviceCache?.list() ?? [],
      clusterDns: options.clusterDns ?? (async () => []),
      clusterDomain,
      changed: (uid) => agent?.objectsChanged(uid),
      removeForeign: (path) => machines.removeForeign(path),
    });
    const readiness = new NodeReadiness(client, name, clock, logger);
    health.set(name, readiness);
    const nodeImages = new NodeImages(
      client,
      name,
      () => (agent as NodeAgent).runtimes.main,
      (error) => logger.warn("what images a node has could not be told", { node: name, error: String(error) }),
    );
    images.set(name, nodeImages);
    agent = new NodeAgent({
      node,
      imagesChanged: () => agent && nodeImages.changed(),
      latestNode,
      runtimes,
      setups,
      health: (problem) => {
        readiness.set(problem);
        if (problem === undefined) options.runtimeBack?.();
      },
      clock,
      recorder,
      logger,
      changed: (worker) => writer.add(worker),
    });
    // Pods need not wait for it later. Where nothing is run, it is a matter of a moment.
    if (agent.runtimes.main.runsPrograms) await setups.of(agent.runtimes.main);
    return agent;
  }

  const podCache = options.podInformer ?? (own?.podInformer as Informer<Pod>);
  const tell = (pod: Pod): void => agents.get(pod.spec.nodeName ?? "")?.onPod(pod);
  const unsubscribe = podCache.onChange({
    added: tell,
    updated: tell,
    deleted: (pod) => agents.get(pod.spec.nodeName ?? "")?.onPodDeleted(pod),
  });
  writer.start();
  own?.factory.start();
  void podCache.synced().then(() => Promise.all([...agents].map(([name, agent]) => startSettling(agent, name))));

  async function settle(agent: NodeAgent, name: string): Promise<void> {
    const own = main.name === "simulated" ? undefined : options.directory;
    const folder = options.staticPodPath ?? (own && join(own, name, "manifests"));
    if (folder !== undefined) await agent.runStaticPods(folder, client);
    await agent.cleanUp();
    images.get(name)?.changed();
  }

  async function startSettling(agent: NodeAgent, name: string): Promise<void> {
    return settle(agent, name).catch((error: unknown) => {
      logger.warn("what is left of pods that are gone could not be removed", { error: String(error) });
    });
  }

  const heartbeats =
    options.heartbeatMs === undefined
      ? []
      : registered.map((node, index) =>
          startHeartbeat(
            client,
            clock,
            options.heartbeatMs as number,
            () => beating(node, wanted[index] as Node, health.get(node.metadata.name ?? "")?.problem),
            (error) => logger.warn("a node's heartbeat failed", { node: node.metadata.name, error: String(error) }),
          ),
        );

  return {
    names,
    connection,
    async stop() {
      await kubelet?.close();
      unsubscribe();
      await Promise.all(heartbeats.map((heartbeat) => heartbeat.stop()));
      await Promise.all([...agents.values()].map((agent) => agent.stop()));
      await Promise.all([...images.values()].map((each) => each.stop()));
      await writer.stop();
      await Promise.all(recorders.map((recorder) => recorder.stop()));
      await objects.stop();
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

function ownObjects(client: Client, clock: Clock, logger: Logger) {
  const factory = new InformerFactory(client, { clock, logger });
  const podInformer = factory.for<Pod>(pods, {
    fieldSelector: "spec.nodeName!=",
    managedFields: false,
  });
  return { factory, podInformer, serviceInformer: factory.for<Service>(services) };
}

/** The registered node with what the agent wants to say of it now. */
function beating(registered: Node, wanted: Node, problem: string | undefined): Node {
  const conditions = (wanted.status?.conditions ?? []).map((condition) =>
    condition.type === "Ready" ? { ...condition, ...ready(problem) } : condition,
  );
  return { ...wanted, metadata: registered.metadata, status: { ...wanted.status, conditions } };
}

function newNames(count: number): string[] {
  const group = randomBytes(3).toString("hex");
  return Array.from({ length: count }, (_unused, index) => `simulated-${group}-${index + 1}`);
}
