import type { Client, ResourceRef, WatchEvent } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";

/** Upstream's garbage collector looks for new kinds every 30 s, and may need two looks. */
const timeoutSeconds = 90;

/** Resolves with the object as soon as it is as wanted, looking at every state it goes through. */
export async function until(
  client: Client,
  ref: ResourceRef,
  namespace: string,
  name: string,
  wanted: (object: KubeObject) => boolean,
): Promise<KubeObject> {
  let last: KubeObject | undefined;
  for await (const { type, object } of follow(client, ref, namespace, name)) {
    if (type !== "ADDED" && type !== "MODIFIED") continue;
    last = object;
    if (wanted(object)) return object;
  }
  throw new Error(`${ref.kind} ${name} did not get there; it is ${JSON.stringify(last?.["status"] ?? last)}`);
}

/** Resolves when the object is gone. */
export async function untilGone(client: Client, ref: ResourceRef, namespace: string, name: string): Promise<void> {
  for (;;) {
    const scope = ref.namespaced ? { namespace } : {};
    const fieldSelector = `metadata.name=${name}`;
    const list = await client.resource(ref).list({ ...scope, fieldSelector });
    if (list.items.length === 0) return;
    const resourceVersion = list.metadata.resourceVersion ?? "";
    const watch = client.resource(ref).watch({ ...scope, fieldSelector, resourceVersion, timeoutSeconds });
    for await (const { type } of watch) if (type === "DELETED") return;
    throw new Error(`${ref.kind} ${name} is still there`);
  }
}

function follow(
  client: Client,
  ref: ResourceRef,
  namespace: string,
  name: string,
): AsyncIterable<WatchEvent<KubeObject>> {
  const scope = ref.namespaced ? { namespace } : {};
  return client.resource(ref).watch({ ...scope, fieldSelector: `metadata.name=${name}`, timeoutSeconds });
}
