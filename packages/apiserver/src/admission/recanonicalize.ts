import { decodeNative, type GroupVersionKind, type KubeObject, nativeTypes } from "@podwright/kube";
import type { Resource } from "../resources/resource.ts";

/**
 * Brings a patched object back into the form objects have here: fields its kind does not know are dropped, quantities
 * and times are in canonical form. Throws an Error with upstream's text when a field has the wrong type.
 */
export function recanonicalize(value: KubeObject, kind: GroupVersionKind, resource: Resource): KubeObject {
  if (kind.kind === resource.kind && resource.decode !== undefined) return resource.decode(value).object;
  const struct = nativeTypes().structOfKind(kind.group, kind.version, kind.kind);
  return struct === undefined ? value : (decodeNative(value, struct.name).object as KubeObject);
}
