import { FieldSet, type JsonObject, type ManagedSet, type PathElement } from "@podwright/kube";
import { encodeManagedFields, liveManagedFields } from "./managed-fields.ts";

type Entries = JsonObject[] | undefined;
/** Where replicas are, by apiVersion: undefined where the version has no scale, nothing for a version that is not known. */
export type ReplicasPaths = (apiVersion: string) => { path: PathElement[] | undefined } | undefined;

const scaleVersion = "autoscaling/v1";
const replicasOfScale = [{ f: "spec" }, { f: "replicas" }];
const scaleSet = FieldSet.of(replicasOfScale);

function decoded(entries: Entries) {
  return liveManagedFields({
    apiVersion: "",
    kind: "",
    metadata: entries === undefined ? {} : { managedFields: entries },
  });
}

/** Who manages the Scale of an object: those who manage its replicas (managedfields/scalehandler.go, ToSubresource). */
export function scaleEntries(parent: Entries, paths: ReplicasPaths): Entries {
  const { managers, times } = decoded(parent);
  const scale = new Map<string, ManagedSet>();
  for (const [id, { set, apiVersion, applied }] of managers) {
    const path = paths(apiVersion)?.path;
    if (path !== undefined && set.has(path)) scale.set(id, { set: scaleSet, apiVersion: scaleVersion, applied });
  }
  return encodeManagedFields({ managers: scale, times });
}

/** Who manages the object after a write to its Scale (ToParent); who is new has no time, as upstream. */
export function parentEntries(parent: Entries, scale: Entries, apiVersion: string, paths: ReplicasPaths): Entries {
  const { managers: before, times } = decoded(parent);
  const ofScale = new Map(decoded(scale).managers);
  const after = new Map<string, ManagedSet>();
  for (const [id, managed] of before) {
    const known = paths(managed.apiVersion);
    if (known === undefined) continue;
    if (known.path === undefined || !managed.set.has(known.path) || ofScale.has(id)) {
      after.set(id, managed);
      if (known.path !== undefined && managed.set.has(known.path)) ofScale.delete(id);
      continue;
    }
    const set = managed.set.difference(FieldSet.of(known.path));
    if (!set.isEmpty()) after.set(id, { ...managed, set });
  }
  const path = paths(apiVersion)?.path;
  for (const [id, { set, applied }] of ofScale) {
    if (path !== undefined && set.has(replicasOfScale)) after.set(id, { set: FieldSet.of(path), apiVersion, applied });
  }
  return encodeManagedFields({ managers: after, times });
}
