/** Who owns a StatefulSet's claims, by its persistentVolumeClaimRetentionPolicy (statefulset/stateful_set_utils.go). */
import type { KubeObject, OwnerReference } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { controllerReference } from "../../owner-references.ts";
import type { PersistentVolumeClaim } from "../persistent-volumes/kinds.ts";
import { ordinalOf } from "./identity.ts";
import { isWanted, type StatefulSet } from "./stateful-set.ts";

export interface RetentionPolicy {
  whenDeleted: "Retain" | "Delete";
  whenScaled: "Retain" | "Delete";
}

export function retentionPolicy(set: StatefulSet): RetentionPolicy {
  return { whenDeleted: "Retain", whenScaled: "Retain", ...set.spec.persistentVolumeClaimRetentionPolicy };
}

/** The owners that the claim is to have; undefined when it has them, or when it is not ours to decide. */
export function wantedOwners(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): OwnerReference[] | undefined {
  if (isStale(claim, set) || isStale(claim, pod)) return undefined;
  const references = claim.metadata.ownerReferences ?? [];
  const others = references.filter((reference) => !names(reference, set) && !names(reference, pod));
  if (hasUnexpectedController(claim, set, pod)) return others.length < references.length ? others : undefined;
  const wanted = ownersByPolicy(set, pod);
  const ours = references.filter((reference) => !others.includes(reference));
  const same =
    ours.length === wanted.length &&
    ours.every((reference) => reference.controller && wanted.some(({ metadata }) => metadata.uid === reference.uid));
  return same ? undefined : [...others, ...wanted.map(controllerReference)];
}

/** The set's while its pod is wanted, the pod's once it is to go; nobody's where it is to stay. */
function ownersByPolicy(set: StatefulSet, pod: Pod): KubeObject[] {
  const { whenDeleted, whenScaled } = retentionPolicy(set);
  const condemned = !isWanted(set, ordinalOf(pod));
  if (whenScaled === "Delete" && condemned) return [{ ...pod, apiVersion: "v1", kind: "Pod" }];
  if (whenDeleted === "Delete") return [{ ...set, apiVersion: "apps/v1", kind: "StatefulSet" }];
  return [];
}

/** Does somebody else control the claim, where the policy wants to? */
export function hasUnexpectedController(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  const { whenDeleted, whenScaled } = retentionPolicy(set);
  if (whenDeleted === "Retain" && whenScaled === "Retain") return false;
  return (claim.metadata.ownerReferences ?? []).some((reference) => {
    if (names(reference, set)) return reference.uid !== set.metadata.uid;
    if (names(reference, pod)) return reference.uid !== pod.metadata.uid;
    return reference.controller === true;
  });
}

/** Is it owned by another of the same name, one that is gone? */
export function isStale(claim: PersistentVolumeClaim, owner: KubeObject): boolean {
  const reference = claim.metadata.ownerReferences?.find((each) => names(each, owner));
  return reference !== undefined && reference.uid !== owner.metadata.uid;
}

function names(reference: OwnerReference, object: KubeObject): boolean {
  return (
    reference.apiVersion === object.apiVersion &&
    reference.kind === object.kind &&
    reference.name === object.metadata.name
  );
}
