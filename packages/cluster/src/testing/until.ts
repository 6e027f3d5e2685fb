import type { Client, ResourceRef } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";

/** Resolves with the object as soon as it is as wanted, looking at every state it goes through. */
export async function until<T extends KubeObject>(
  client: Client,
  ref: ResourceRef,
  name: string,
  wanted: (object: T) => boolean,
  namespace = "default",
): Promise<T> {
  const fieldSelector = `metadata.name=${name}`;
  let last: T | undefined;
  for await (const { type, object } of client
    .resource<T>(ref)
    .watch({ fieldSelector, timeoutSeconds: 20, ...(ref.namespaced ? { namespace } : {}) })) {
    if (type !== "ADDED" && type !== "MODIFIED") continue;
    last = object;
    if (wanted(object)) return object;
  }
  throw new Error(`${ref.kind} ${name} did not get there in 20 s; it is ${JSON.stringify(last?.["status"] ?? last)}`);
}

/** Resolves when there is no such object, or none of the name that is wanted any more. */
export async function untilGone(client: Client, ref: ResourceRef, name: string, namespace = "default"): Promise<void> {
  const resource = client.resource(ref);
  const scope = ref.namespaced ? { namespace } : {};
  const list = await resource.list({ ...scope, fieldSelector: `metadata.name=${name}` });
  if (list.items.length === 0) return;
  const resourceVersion = list.metadata.resourceVersion ?? "";
  for await (const { type } of resource.watch({
    ...scope,
    fieldSelector: `metadata.name=${name}`,
    resourceVersion,
    timeoutSeconds: 20,
  })) {
    if (type === "DELETED") return;
  }
  throw new Error(`${ref.kind} ${name} is still there after 20 s`);
}
