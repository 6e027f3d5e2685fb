/**
 * The persistent volume behind a claim of a pod
 * (k8s.io/kubernetes/pkg/kubelet/volumemanager/populator/desired_state_of_world_populator.go).
 */
import { persistentVolumeClaims, persistentVolumes } from "@podwright/client";
import type { PersistentVolume, PersistentVolumeClaim } from "../../controllers/persistent-volumes/kinds.ts";
import type { Pod } from "../../kinds.ts";
import { controllerOf } from "../../owner-references.ts";
import type { NodeObjects } from "../objects/node-objects.ts";
import type { Volume } from "./volume-sources.ts";

/** Undefined: the volume is of no claim. Throws when the claim has no volume (yet). */
export async function claimedVolume(
  objects: Pick<NodeObjects, "get">,
  pod: Pod,
  volume: Volume,
): Promise<PersistentVolume | undefined> {
  const { persistentVolumeClaim, ephemeral } = volume;
  if (persistentVolumeClaim === undefined && ephemeral === undefined) return undefined;
  const { namespace = "" } = pod.metadata;
  const name = persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${volume.name}`;
  const failed = (why: string): Error => new Error(`error processing PVC ${namespace}/${name}: ${why}`);
  const claim = await objects.get<PersistentVolumeClaim>(persistentVolumeClaims, namespace, name);
  if (claim === undefined) {
    throw failed(`failed to fetch PVC from API server: persistentvolumeclaims ${JSON.stringify(name)} not found`);
  }
  const { deletionTimestamp, finalizers = [] } = claim.metadata;
  if (deletionTimestamp !== undefined && !finalizers.includes("kubernetes.io/pvc-protection")) {
    throw failed("PVC is being deleted");
  }
  if (claim.status?.phase !== "Bound") throw failed("PVC is not bound");
  if (persistentVolumeClaim === undefined && controllerOf(claim)?.uid !== pod.metadata.uid) {
    const owner = `${namespace}/${pod.metadata.name}`;
    throw new Error(`PVC ${namespace}/${name} was not created for pod ${owner} (pod is not owner)`);
  }
  const { volumeName = "" } = claim.spec;
  const found = await objects.get<PersistentVolume>(persistentVolumes, undefined, volumeName);
  if (found === undefined) {
    const why = `persistentvolumes ${JSON.stringify(volumeName)} not found`;
    throw failed(`failed to fetch PV ${volumeName} from API server: ${why}`);
  }
  const { uid } = found.spec.claimRef ?? {};
  if (uid !== claim.metadata.uid) {
    const which = `found PV object ${volumeName} but`;
    throw failed(
      found.spec.claimRef === undefined
        ? `${which} it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`
        : `${which} its pv.Spec.ClaimRef.UID ${uid} does not point to claim.UID ${claim.metadata.uid}`,
    );
  }
  return found;
}

/** The group that a volume's annotation gives to the containers that use it. */
export function volumeGroup({ metadata }: PersistentVolume): number | undefined {
  const text = metadata.annotations?.["pv.beta.kubernetes.io/gid"];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
