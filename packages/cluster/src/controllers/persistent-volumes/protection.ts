/**
 * Lets deleted claims and volumes go once nobody uses them
 * (k8s.io/kubernetes/pkg/controller/volume/{pvcprotection,pvprotection}).
 */
import { objectKey, persistentVolumeClaims, persistentVolumes, splitKey, WorkQueue } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { isPodTerminal } from "../../pods.ts";
import { type Controller, type ControllerContext, reportTo } from "../controller.ts";
import { claimInformer, podInformer, volumeInformer } from "../informers.ts";
import { claimNamesOf } from "./pod-claims.ts";

const claimFinalizer = "kubernetes.io/pvc-protection";
const volumeFinalizer = "kubernetes.io/pv-protection";

export function createVolumeProtection(context: ControllerContext): Controller {
  const claimClient = context.client.resource(persistentVolumeClaims);
  const volumeClient = context.client.resource(persistentVolumes);
  const claims = claimInformer(context.informers);
  const volumes = volumeInformer(context.informers);
  const podCache = podInformer(context.informers);
  const queue = new WorkQueue({
    reconcile,
    concurrency: 2,
    clock: context.clock,
    onError: reportTo(context.logger, "volume-protection"),
  });

  const enqueue = (object: KubeObject): void => {
    if (object.metadata.deletionTimestamp !== undefined) queue.add(objectKey(object));
  };
  claims.onChange({ added: enqueue, updated: enqueue });
  volumes.onChange({ added: enqueue, updated: enqueue });
  const enqueueClaims = (pod: Pod): void => {
    for (const name of claimNamesOf(pod)) queue.add(`${pod.metadata.namespace}/${name}`);
  };
  podCache.onChange({
    updated: (pod, old) => {
      if (isPodTerminal(pod) && !isPodTerminal(old)) enqueueClaims(pod);
    },
    deleted: enqueueClaims,
  });

  async function reconcile(key: string): Promise<void> {
    const { namespace, name } = splitKey(key);
    if (namespace === undefined) {
      const volume = volumes.get(name);
      if (volume === undefined || volume.status?.phase === "Bound") return;
      const left = withoutFinalizer(volume, volumeFinalizer);
      if (left !== undefined) await volumeClient.update(left);
      return;
    }
    const claim = claims.get(name, namespace);
    if (claim === undefined || isUsed(namespace, name)) return;
    const left = withoutFinalizer(claim, claimFinalizer);
    if (left !== undefined) await claimClient.update(left);
  }

  function isUsed(namespace: string, claimName: string): boolean {
    return podCache
      .by("namespace", namespace)
      .some((pod) => !isPodTerminal(pod) && claimNamesOf(pod).includes(claimName));
  }

  return {
    start: () => queue.start(),
    stop: () => queue.stop(),
  };
}

/** Undefined when it is not being deleted, or does not wait for this. */
function withoutFinalizer(object: KubeObject, finalizer: string): KubeObject | undefined {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined || !finalizers.includes(finalizer)) return undefined;
  return { ...object, metadata: { ...object.metadata, finalizers: finalizers.filter((each) => each !== finalizer) } };
}
