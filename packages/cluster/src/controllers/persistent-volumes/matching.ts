/** Which volume suits a claim (k8s.io/component-helpers/storage/volume/pv_helpers.go). */
import { labelSelectorFromObject, quantityValue } from "@podwright/kube";
import type { Node } from "../../kinds.ts";
import { matchesNodeSelection } from "../../scheduler/filters.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "./kinds.ts";

const classAnnotation = "volume.beta.kubernetes.io/storage-class";

/** "" when it names none. */
export function classOf(object: PersistentVolumeClaim | PersistentVolume): string {
  return object.metadata.annotations?.[classAnnotation] ?? object.spec.storageClassName ?? "";
}

/** Is the volume's reference to this very claim, or to its name before the claim was made? */
export function isMeantFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { claimRef } = volume.spec;
  if (claimRef?.name !== claim.metadata.name || claimRef?.namespace !== claim.metadata.namespace) return false;
  return !claimRef?.uid || claimRef.uid === claim.metadata.uid;
}

/** Undefined when the volume is what the claim asks for. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  const { spec } = volume;
  if (sizeOf(spec.capacity) < sizeOf(claim.spec.resources?.requests)) return "requested PV is too small";
  if (classOf(volume) !== classOf(claim)) return "storageClassName does not match";
  if ((spec.volumeMode ?? "Filesystem") !== (claim.spec.volumeMode ?? "Filesystem")) return "incompatible volumeMode";
  if (!(claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))) {
    return "incompatible accessMode";
  }
  return undefined;
}

/**
 * The volume that is meant for the claim, else the smallest that suits it.
 *
 * @param node where it has to be reachable from; undefined when that does not matter yet.
 * @param onlyMeant takes nothing but what was bound to the claim beforehand.
 */
export function bestVolume(
  volumes: readonly PersistentVolume[],
  claim: PersistentVolumeClaim,
  { node, onlyMeant = false }: { node?: Node; onlyMeant?: boolean } = {},
): PersistentVolume | undefined {
  let best: PersistentVolume | undefined;
  const selector = claim.spec.selector && labelSelectorFromObject(claim.spec.selector);
  for (const volume of volumes) {
    if (volume.metadata.deletionTimestamp !== undefined || mismatch(volume, claim) !== undefined) continue;
    if (node !== undefined && !isReachable(volume, node)) continue;
    if (isMeantFor(volume, claim)) return volume;
    if (onlyMeant || volume.spec.claimRef !== undefined || volume.status?.phase !== "Available") continue;
    if (selector !== undefined && !selector.matches(volume.metadata.labels ?? {})) continue;
    if (best === undefined || sizeOf(volume.spec.capacity) < sizeOf(best.spec.capacity)) best = volume;
  }
  return best;
}

/** May pods of the node use the volume? */
export function isReachable(volume: PersistentVolume, node: Node): boolean {
  const required = volume.spec.nodeAffinity?.required;
  if (required === undefined) return true;
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: {}, spec: { containers: [], affinity: { nodeAffinity } } };
  return matchesNodeSelection(pod, { name: node.metadata.name ?? "", node });
}

function sizeOf(amounts: Record<string, string> | undefined): number {
  return quantityValue(amounts?.["storage"] ?? "0");
}
