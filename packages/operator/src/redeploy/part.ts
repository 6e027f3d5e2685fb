import { packs } from "@podwright/client";
import type { Part, PartContext } from "../part.ts";
import { Redeployer, type RedeployOptions, type WorkloadInformers } from "./redeployer.ts";
import { redeployWebhook } from "./webhook.ts";
import { toWorkload, type Workload, workloadRefs } from "./workload.ts";

export interface RedeployPartOptions extends RedeployOptions {
  /** Whether the cluster has the kind Pack. Default true. */
  packs?: boolean;
}

/** Restarts workloads that ask for it when their ConfigMaps or Secrets change. */
export function createRedeployPart(context: PartContext, options: RedeployPartOptions = {}): Part {
  const { informers } = context;
  const of = (kind: keyof typeof workloadRefs) =>
    informers.for<Workload>(workloadRefs[kind], { transform: toWorkload });
  const workloads: WorkloadInformers = {
    Deployment: of("Deployment"),
    StatefulSet: of("StatefulSet"),
    DaemonSet: of("DaemonSet"),
  };
  const packInformer = options.packs === false ? undefined : informers.for(packs);
  // Asked for now, so that it has synced when the controllers start.
  const { content } = context;
  return {
    name: "redeploy",
    crds: [],
    webhooks: [redeployWebhook()],
    async lead() {
      const redeployer = new Redeployer({ ...context, content }, { workloads, packs: packInformer }, options);
      redeployer.start();
      return { stop: () => redeployer.stop() };
    },
  };
}
