import { type JsonValue, jsonEqual, type KubeObject } from "@podwright/kube";
import type { Warnings } from "../output/warnings.ts";

/** Drops owner references that are there twice, with a warning (k8s.io/apiserver/pkg/endpoints/handlers/rest.go). */
export function dropDuplicateOwners(object: KubeObject, warnings: Warnings, afterMutation: boolean): void {
  const references = object.metadata.ownerReferences;
  if (references === undefined || references.length < 2) return;
  const kept: typeof references = [];
  const duplicates: string[] = [];
  for (const reference of references) {
    const known = kept.some((other) => other.uid === reference.uid && jsonEqual(toJson(other), toJson(reference)));
    if (known) duplicates.push(reference.uid);
    else kept.push(reference);
  }
  if (duplicates.length === 0) return;
  object.metadata.ownerReferences = kept;
  const uids = duplicates.join(", ");
  warnings.add(
    afterMutation
      ? `.metadata.ownerReferences contains duplicate entries after mutating admission happens; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${uids}`
      : `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${uids}`,
  );
}

function toJson(reference: object): JsonValue {
  return reference as JsonValue;
}
