/** Everything that acts on the cluster from within: controllers, scheduler, nodes. All are clients of the API. */
import type { ApiServer } from "@podwright/apiserver";
import {
  Client,
  type Clock,
  EventRecorder,
  InformerFactory,
  type Logger,
  withoutManagedFields,
} from "@podwright/client";
import type { Controller, ControllerContext } from "./controllers/controller.ts";
import { createDeploymentController } from "./controllers/deployment/controller.ts";
import { createEndpointSliceController } from "./controllers/endpoints/endpoint-slices.ts";
import { createEndpointsController } from "./controllers/endpoints/endpoints.ts";
import { createEventExpiry } from "./controllers/event-expiry.ts";
import { createGarbageCollector } from "./controllers/garbage-collector/controller.ts";
import { podInformer } from "./controllers/informers.ts";
import { createNamespaceController } from "./controllers/namespace.ts";
import { createReplicaSetController } from "./controllers/replicaset/controller.ts";
import { createRootCaController } from "./controllers/root-ca.ts";
import { createServiceAccountController } from "./controllers/service-account.ts";
import { inProcessTransport } from "./in-process-transport.ts";
import { type StartNodesOptions, startNodes } from "./node/start-nodes.ts";
import { createScheduler } from "./scheduler/scheduler.ts";

export interface ControlLoopsOptions {
  server: Pick<ApiServer, "handle">;
  /** Of the authority that pods are to trust, PEM. */
  caCertificate: string;
  nodes: number;
  node: Pick<StartNodesOptions, "capacity" | "labels" | "startDelayMs">;
  clock: Clock;
  logger: Logger;
}

export interface ControlLoops {
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
  const informers = new InformerFactory(manager, { clock, logger, transform: withoutManagedFields });
  const recorders: EventRecorder[] = [];
  const recorder = (client: Client, component: string): EventRecorder => {
    const made = new EventRecorder(client, { component, clock, logger });
    recorders.push(made);
    return made;
  };
  const context = (component: string): ControllerContext => ({
    client: manager,
    informers,
    recorder: recorder(manager, component),
    clock,
    logger,
  });

  const controllers: Controller[] = [
    createNamespaceController(context("namespace-controller")),
    createServiceAccountController(context("service-account-controller")),
    createRootCaController(context("root-ca-certificate-publisher-controller"), options.caCertificate),
    createReplicaSetController(context("replicaset-controller")),
    createDeploymentController(context("deployment-controller")),
    createEndpointsController(context("endpoint-controller")),
    createEndpointSliceController(context("endpoint-slice-controller")),
    createGarbageCollector(context("garbage-collector-controller")),
    createEventExpiry(context("event-expiry")),
  ];
  const schedulerClient = connect("kube-scheduler");
  const scheduler = createScheduler({
    client: schedulerClient,
    informers,
    recorder: recorder(schedulerClient, "default-scheduler"),
    clock,
    logger,
  });

  informers.start();
  const [nodes] = await Promise.all([
    startNodes({
      ...options.node,
      client: connect("kubelet"),
      nodes: options.nodes,
      names: Array.from({ length: options.nodes }, (_unused, index) => `node-${index + 1}`),
      podInformer: podInformer(informers),
      clock,
      logger,
    }),
    informers.synced(),
  ]);
  for (const controller of controllers) controller.start();
  scheduler.start();

  return {
    async stop() {
      await nodes.stop();
      await scheduler.stop();
      await Promise.all(controllers.map((controller) => controller.stop()));
      await Promise.all(recorders.map((each) => each.stop()));
      await informers.stop();
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}
