/**
 * Makes the claims of pods whose volumes are ephemeral (k8s.io/kubernetes/pkg/controller/volume/ephemeral). They are
 * the pod's, so they go with it.
 */
import { objectKey, persistentVolumeClaims, splitKey, WorkQueue } from "@podwright/client";
import type { Pod } from "../../kinds.ts";
import { controllerOf, controllerReference } from "../../owner-references.ts";
import { type Controller, type ControllerContext, isNamespaceTerminating, reportTo } from "../controller.ts";
import { claimInformer, podInformer } from "../informers.ts";
import type { PersistentVolumeClaim } from "./kinds.ts";

interface ClaimTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: PersistentVolumeClaim["spec"];
}

export function createEphemeralClaims(context: ControllerContext): Controller {
  const { recorder } = context;
  const client = context.client.resource<PersistentVolumeClaim>(persistentVolumeClaims);
  const podCache = podInformer(context.informers);
  const claims = claimInformer(context.informers);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, "ephemeral-volume"),
  });

  podCache.onChange({
    added: (pod) => {
      const hasOwn = pod.spec.volumes?.some(({ ephemeral }) => ephemeral !== undefined);
      if (hasOwn && pod.metadata.deletionTimestamp === undefined) queue.add(objectKey(pod));
    },
  });
  claims.onChange({
    deleted: (claim) => {
      const owner = controllerOf(claim);
      if (owner?.kind === "Pod") queue.add(`${claim.metadata.namespace}/${owner.name}`);
    },
  });

  async function reconcile(key: string): Promise<void> {
    await claims.synced();
    const { namespace, name } = splitKey(key);
    const pod = podCache.get(name, namespace);
    if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return;
    for (const volume of pod.spec.volumes ?? []) {
      if (volume.ephemeral === undefined) continue;
      try {
        await ensureClaim(pod, volume.name, volume.ephemeral["volumeClaimTemplate"] as unknown as ClaimTemplate);
      } catch (error) {
        if (isNamespaceTerminating(error)) return;
        const message = `ephemeral volume ${volume.name}: ${(error as Error).message}`;
        recorder.event(pod, "Warning", "FailedBinding", message);
        throw error;
      }
    }
  }

  async function ensureClaim(pod: Pod, volume: string, { metadata = {}, spec }: ClaimTemplate): Promise<void> {
    const { namespace = "" } = pod.metadata;
    const name = `${pod.metadata.name}-${volume}`;
    const present = claims.get(name, namespace);
    if (present !== undefined) {
      if (controllerOf(present)?.uid === pod.metadata.uid) return;
      const which = `${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name}`;
      throw new Error(`PVC ${which} (pod is not owner)`);
    }
    const { labels, annotations } = metadata;
    const wanted: PersistentVolumeClaim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        name,
        namespace,
        ...(labels && { labels }),
        ...(annotations && { annotations }),
        ownerReferences: [controllerReference({ ...pod, apiVersion: "v1", kind: "Pod" })],
      },
      spec,
    };
    await client.create(wanted).catch((error: unknown) => {
      throw new Error(`create PVC ${name}: ${(error as Error).message}`, { cause: error });
    });
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}
