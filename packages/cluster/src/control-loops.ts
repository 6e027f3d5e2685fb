/** Everything that acts on the cluster from within: controllers, scheduler, nodes. All are clients of the API. */
import type { ApiServer, NodeConnection } from "@podwright/apiserver";
import {
  Client,
  type Clock,
  EventRecorder,
  InformerFactory,
  type Logger,
  withoutManagedFields,
} from "@podwright/client";
import { createClusterRoleAggregationController } from "./controllers/cluster-role-aggregation.ts";
import type { Controller, ControllerContext } from "./controllers/controller.ts";
import { createCronJobController } from "./controllers/cronjob/controller.ts";
import { createDaemonSetController } from "./controllers/daemonset/controller.ts";
import { createDeploymentController } from "./controllers/deployment/controller.ts";
import { createDisruptionController } from "./controllers/disruption/controller.ts";
import { createEndpointSliceController } from "./controllers/endpoints/endpoint-slices.ts";
import { createEndpointsController } from "./controllers/endpoints/endpoints.ts";
import { createEventExpiry } from "./controllers/event-expiry.ts";
import { createGarbageCollector } from "./controllers/garbage-collector/controller.ts";
import { podInformer } from "./controllers/informers.ts";
import { createJobController } from "./controllers/job/controller.ts";
import { createJobTtlController } from "./controllers/job-ttl.ts";
import { createNamespaceController } from "./controllers/namespace.ts";
import { createVolumeBinder } from "./controllers/persistent-volumes/binder.ts";
import { createVolumeProtection } from "./controllers/persistent-volumes/protection.ts";
import { createReplicaSetController } from "./controllers/replicaset/controller.ts";
import { createRootCaController } from "./controllers/root-ca.ts";
import { createServiceAccountController } from "./controllers/service-account.ts";
import { createStatefulSetController } from "./controllers/statefulset/controller.ts";
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
    createClusterRoleAggregationController(context("clusterrole-aggregation-controller")),
    createRootCaController(context("root-ca-certificate-publisher-controller"), options.caCertificate),
    createReplicaSetController(context("replicaset-controller")),
    createDeploymentController(context("deployment-controller")),
    createStatefulSetController(context("statefulset-controller")),
    createDaemonSetController(context("daemonset-controller")),
    createVolumeBinder(context("persistentvolume-controller")),
    createVolumeProtection(context("pvc-protection-controller")),
    createDisruptionController(context("controllermanager")),
    createJobController(context("job-controller")),
    createCronJobController(context("cronjob-controller")),
    createJobTtlController(context("ttl-after-finished-controller")),
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
      kubeletServer: false,
      clock,
      logger,
    }),
    informers.synced(),
  ]);
  for (const controller of controllers) controller.start();
  scheduler.start();

  return {
    nodes: { containerLogs: async (node, request) => nodes.containerLogs(node, request) },
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
