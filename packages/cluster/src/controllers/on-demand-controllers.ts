import {
  type Client,
  type Clock,
  type InformerFactory,
  type Logger,
  type Occasion,
  onDemand,
  resourceQuotas,
  whenThereIs,
} from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { Controller, ControllerContext } from "./controller.ts";
import {
  budgetInformer,
  claimInformer,
  cronJobInformer,
  daemonSetInformer,
  deploymentInformer,
  jobInformer,
  nodeInformer,
  podInformer,
  replicaSetInformer,
  statefulSetInformer,
  volumeInformer,
} from "./informers.ts";
import { trackingFinalizer } from "./job/job.ts";
import { hasState, noExecuteTaints } from "./node/node-taints.ts";
import type { LocalFolders } from "./persistent-volumes/local-folders.ts";

export interface OnDemandOptions {
  informers: InformerFactory;
  clock: Clock;
  logger: Logger;
  /** What the controller manager's controllers get; the name is their events' source. */
  context(component: string): ControllerContext;
  /** The same for a component with a client of its own. */
  contextOf(client: Client, component: string): ControllerContext;
  connect(component: string): Client;
  localFolders?: LocalFolders | undefined;
  /** Whether a node is run by this process. */
  isOwnNode(name: string): boolean;
}

/** The scheduler, and the controllers of kinds that a cluster has none of when it is new. */
export function onDemandControllers(options: OnDemandOptions): Controller[] {
  const { informers, context, clock, logger } = options;
  const pods = podInformer(informers);
  const anyJob = whenThereIs(jobInformer(informers));
  // One whose Job is gone is let go all the same.
  const trackedPod = whenThereIs(pods, ({ metadata }) => metadata.finalizers?.includes(trackingFinalizer) ?? false);
  const anyVolume = [whenThereIs(claimInformer(informers)), whenThereIs(volumeInformer(informers))];
  const ephemeralVolume = whenThereIs(pods, ({ spec }) => spec.volumes?.some((each) => each.ephemeral) ?? false);
  const nodes = nodeInformer(informers);
  const goneNode: Occasion = (happened) => nodes.onChange({ deleted: happened });
  const podOfGoneNode = whenThereIs(pods, ({ spec: { nodeName } }) => Boolean(nodeName) && !nodes.get(nodeName ?? ""));
  const onError = (error: unknown): void => {
    logger.error("a controller cannot be started", { error: messageOf(error) });
  };
  const at = (occasion: Occasion | Occasion[], load: () => Promise<Controller>): Controller => {
    const occasions = [occasion].flat();
    let running: { stop(): Promise<void> } | undefined;
    return {
      start() {
        running = onDemand({ occasions, load, informers, clock, onError });
      },
      stop: async () => running?.stop(),
    };
  };

  return [
    at(whenThereIs(pods), async () => {
      const { createScheduler } = await import("../scheduler/scheduler.ts");
      return createScheduler(options.contextOf(options.connect("kube-scheduler"), "default-scheduler"));
    }),
    at(whenThereIs(nodes, hasState), async () => {
      const { createNodeLifecycle } = await import("./node/node-lifecycle.ts");
      return createNodeLifecycle(context("node-controller"));
    }),
    at(
      whenThereIs(nodes, ({ metadata: { name = "" } }) => !options.isOwnNode(name)),
      async () => {
        const { createSilentNodes } = await import("./node/silent-nodes.ts");
        return createSilentNodes(context("node-controller"), options.isOwnNode);
      },
    ),
    at(
      whenThereIs(nodes, (node) => noExecuteTaints(node).length > 0),
      async () => {
        const { createTaintEviction } = await import("./node/taint-eviction.ts");
        return createTaintEviction(context("taint-eviction-controller"));
      },
    ),
    at([goneNode, podOfGoneNode], async () => {
      const { createOrphanedPods } = await import("./node/orphaned-pods.ts");
      return createOrphanedPods(context("pod-garbage-collector"));
    }),
    at(whenThereIs(replicaSetInformer(informers)), async () => {
      const { createReplicaSetController } = await import("./replicaset/controller.ts");
      return createReplicaSetController(context("replicaset-controller"));
    }),
    at(whenThereIs(deploymentInformer(informers)), async () => {
      const { createDeploymentController } = await import("./deployment/controller.ts");
      return createDeploymentController(context("deployment-controller"));
    }),
    at(whenThereIs(statefulSetInformer(informers)), async () => {
      const { createStatefulSetController } = await import("./statefulset/controller.ts");
      return createStatefulSetController(context("statefulset-controller"));
    }),
    at(whenThereIs(daemonSetInformer(informers)), async () => {
      const { createDaemonSetController } = await import("./daemonset/controller.ts");
      return createDaemonSetController(context("daemonset-controller"));
    }),
    at(anyVolume, async () => {
      const { createVolumeBinder } = await import("./persistent-volumes/binder.ts");
      return createVolumeBinder(context("persistentvolume-controller"), options.localFolders);
    }),
    at(ephemeralVolume, async () => {
      const { createEphemeralClaims } = await import("./persistent-volumes/ephemeral-claims.ts");
      return createEphemeralClaims(context("ephemeral-volume-controller"));
    }),
    at(anyVolume, async () => {
      const { createVolumeProtection } = await import("./persistent-volumes/protection.ts");
      return createVolumeProtection(context("pvc-protection-controller"));
    }),
    at(whenThereIs(budgetInformer(informers)), async () => {
      const { createDisruptionController } = await import("./disruption/controller.ts");
      return createDisruptionController(context("controllermanager"));
    }),
    at(whenThereIs(informers.for(resourceQuotas)), async () => {
      const { createResourceQuotaController } = await import("./resource-quota/controller.ts");
      return createResourceQuotaController(context("resourcequota-controller"));
    }),
    at([anyJob, trackedPod], async () => {
      const { createJobController } = await import("./job/controller.ts");
      return createJobController(context("job-controller"));
    }),
    at(whenThereIs(cronJobInformer(informers)), async () => {
      const { createCronJobController } = await import("./cronjob/controller.ts");
      return createCronJobController(context("cronjob-controller"));
    }),
    at(anyJob, async () => {
      const { createJobTtlController } = await import("./job-ttl.ts");
      return createJobTtlController(context("ttl-after-finished-controller"));
    }),
  ];
}
