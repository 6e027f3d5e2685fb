import type { JsonObject, KubeObject } from "@podwright/kube";

/** The object without what the server sets. */
export function bare(object: KubeObject): KubeObject {
  const {
    managedFields: _m,
    resourceVersion: _r,
    uid: _u,
    generation: _g,
    creationTimestamp: _c,
    ...metadata
  } = object.metadata;
  const { status: _status, ...rest } = object;
  return { ...rest, metadata } as KubeObject;
}

/**
 * An object before and after a change, as it may be shown: of a Secret's values no more than whether they are equal.
 * Undefined where there is none.
 */
export function shownPair(
  before: KubeObject | undefined,
  after: KubeObject | undefined,
): [KubeObject | undefined, KubeObject | undefined] {
  const pair = [before, after].map((object) => (object === undefined ? undefined : bare(object)));
  const [a, b] = pair as [KubeObject | undefined, KubeObject | undefined];
  if (![a, b].some((object) => object?.kind === "Secret" && object.apiVersion === "v1")) return [a, b];
  return [a === undefined ? undefined : hidden(a, b, "before"), b === undefined ? undefined : hidden(b, a, "after")];
}

function hidden(secret: KubeObject, other: KubeObject | undefined, when: string): KubeObject {
  const { "kubectl.kubernetes.io/last-applied-configuration": _last, ...annotations } =
    secret.metadata.annotations ?? {};
  const shown: KubeObject = { ...secret, metadata: { ...secret.metadata, annotations } };
  for (const field of ["data", "stringData"]) {
    const values: unknown = shown[field];
    if (typeof values !== "object" || values === null) continue;
    const others = (other?.[field] ?? {}) as JsonObject;
    shown[field] = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, value === others[key] ? "***" : `*** (${when})`]),
    );
  }
  return shown;
}
