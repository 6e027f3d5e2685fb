/** Everything that acts on the cluster from within: controllers, scheduler, nodes. All are clients of the API. */
import type { ApiServer, NodeConnection } from "@podwright/apiserver";
import {
  Client,
  type Clock,
  EventRecorder,
  InformerFactory,
  type Logger,
  services as serviceRef,
} from "@podwright/client";
import { createClusterRoleAggregationController } from "./controllers/cluster-role-aggregation.ts";
import type { Controller, ControllerContext } from "./controllers/controller.ts";
import { createEndpointSliceMirroring } from "./controllers/endpoints/endpoint-slice-mirroring.ts";
import { createEndpointSliceController } from "./controllers/endpoints/endpoint-slices.ts";
import { createEndpointsController } from "./controllers/endpoints/endpoints.ts";
import { createEventExpiry } from "./controllers/event-expiry.ts";
import { createGarbageCollector } from "./controllers/garbage-collector/controller.ts";
import { namespaceInformer, podInformer } from "./controllers/informers.ts";
import { createNamespaceController } from "./controllers/namespace.ts";
import { onDemandControllers } from "./controllers/on-demand-controllers.ts";
import type { LocalFolders } from "./controllers/persistent-volumes/local-folders.ts";
import { createRootCaController } from "./controllers/root-ca.ts";
import { createServiceAccountController } from "./controllers/service-account.ts";
import { inProcessTransport } from "./in-process-transport.ts";
import type { Service } from "./kinds.ts";
import type { ServiceNetwork } from "./network/start-service-network.ts";
import type { RuntimeMachines } from "./node/runtimes/runtime-machines.ts";
import { type StartNodesOptions, startNodes } from "./node/start-nodes.ts";

export interface ControlLoopsOptions {
  server: Pick<ApiServer, "handle">;
  /** Of the authority that pods are to trust, PEM. */
  caCertificate: string;
  nodes: number;
  machines: RuntimeMachines;
  /** What the cluster calls its own outside of its process. */
  clusterId: string;
  /** Where the API server listens, for pods that call it. */
  apiServer?: { host: string; port: number };
  /** Where nodes keep the files of pods that really run: made when there is one. */
  nodeDirectory: string;
  /** Where volumes of the local provisioner are. */
  localFolders: LocalFolders;
  node: Pick<StartNodesOptions, "capacity" | "labels" | "startDelayMs" | "staticPodPath">;
  clock: Clock;
  logger: Logger;
}

export interface ControlLoops {
  /** The way to what runs on the nodes. */
  nodes: NodeConnection;
  stop(): Promise<void>;
}

/** Starts them; resolves when the nodes are registered and everybody has seen what is there. */
export async function startControlLoops(options: ControlLoopsOptions): Promise<ControlLoops> {
  const { server, clock, logger } = options;
  const clients: Client[] = [];
  const connect = (component: string): Client => {
    const user = { username: `system:${component}`, groups: ["system:masters", "system:authenticated"] };
    const client = new Client(inProcessTransport(server, user), { userAgent: `${component}/0.1.0` });
    clients.push(client);
    return client;
  };
  const manager = connect("kube-controller-manager");
  const informers = new InformerFactory(manager, { clock, logger, managedFields: false });
  const recorders: EventRecorder[] = [];
  const contextOf = (client: Client, component: string): ControllerContext => {
    const recorder = new EventRecorder(client, { component, clock, logger });
    recorders.push(recorder);
    return { client, informers, recorder, clock, logger };
  };
  const context = (component: string): ControllerContext => contextOf(manager, component);

  const nodeNames = Array.from({ length: options.nodes }, (_unused, index) => `node-${index + 1}`);
  const controllers: Controller[] = [
    createNamespaceController(context("namespace-controller")),
    createServiceAccountController(context("service-account-controller")),
    createClusterRoleAggregationController(context("clusterrole-aggregation-controller")),
    createRootCaController(context("root-ca-certificate-publisher-controller"), options.caCertificate),
    createEndpointsController(context("endpoint-controller")),
    createEndpointSliceController(context("endpoint-slice-controller")),
    createEndpointSliceMirroring(context("endpointslicemirroring-controller")),
    createGarbageCollector(context("garbage-collector-controller")),
    createEventExpiry(context("event-expiry")),
    ...onDemandControllers({
      informers,
      clock,
      logger,
      context,
      contextOf,
      connect,
      localFolders: options.localFolders,
      isOwnNode: (name) => nodeNames.includes(name),
    }),
  ];
  informers.start();
  let network: Promise<ServiceNetwork | undefined> | undefined;
  // Ready by the time that pods need it.
  if (options.machines.main.podNetwork !== undefined) void theNetwork().catch(() => {});
  const [nodes] = await Promise.all([
    startNodes({
      ...options.node,
      client: connect("kubelet"),
      nodes: options.nodes,
      names: nodeNames,
      machines: options.machines,
      directory: options.nodeDirectory,
      namespaceInformer: namespaceInformer(informers),
      podInformer: podInformer(informers),
      serviceInformer: informers.for<Service>(serviceRef),
      clusterDns: async () => (await theNetwork())?.clusterDns ?? [],
      runtimeBack: () => void network?.then((opened) => opened?.resync()),
      kubeletServer: false,
      clock,
      logger,
    }),
    informers.synced(),
  ]);
  for (const controller of controllers) controller.start();

  function theNetwork(): Promise<ServiceNetwork | undefined> {
    network ??= openNetwork();
    return network;
  }

  /** Of the first runtime that runs programs. Simulated pods have none, and need not wait for its code. */
  async function openNetwork(): Promise<ServiceNetwork | undefined> {
    const machine = options.machines.real.find(({ podNetwork }) => podNetwork !== undefined);
    if (machine === undefined) return undefined;
    const { openClusterNetwork } = await import("./network/open-cluster-network.ts");
    const { clusterId, apiServer } = options;
    return openClusterNetwork({
      machine,
      clusterId,
      client: connect("kube-proxy"),
      informers,
      ...(apiServer && { apiServer }),
      clock,
      logger,
    });
  }

  return {
    nodes: nodes.connection,
    async stop() {
      await nodes.stop();
      await (await network?.catch(() => undefined))?.stop();
      await Promise.all(controllers.map((controller) => controller.stop()));
      await Promise.all(recorders.map((each) => each.stop()));
      await informers.stop();
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}
