import { createHash } from "node:crypto";
import type { JsonObject, KubeObject } from "@podwright/kube";

/** The object without what a plan need not or must not show: server-set fields, and the values of Secrets. */
export function shown(object: KubeObject): JsonObject {
  const {
    managedFields: _m,
    resourceVersion: _r,
    uid: _u,
    generation: _g,
    creationTimestamp: _c,
    ...metadata
  } = object.metadata;
  const { status: _status, ...rest } = object;
  const visible: KubeObject = { ...rest, metadata } as KubeObject;
  if (object.kind === "Secret" && object.apiVersion === "v1") {
    for (const field of ["data", "stringData"]) {
      const values: unknown = visible[field];
      if (typeof values !== "object" || values === null) continue;
      visible[field] = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, redacted(String(value))]));
    }
    const { "kubectl.kubernetes.io/last-applied-configuration": _last, ...annotations } = metadata.annotations ?? {};
    visible.metadata = { ...metadata, annotations };
  }
  return visible as unknown as JsonObject;
}

/** A change shows, the value does not: a few bits of a hash say no more than that. */
function redacted(value: string): string {
  return `*** (${createHash("sha256").update(value).digest("hex").slice(0, 2)})`;
}
