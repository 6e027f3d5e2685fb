import type { Client, ResourceRef } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";

/** How long what is waited for may take. */
const patienceSeconds = 20;

/**
 * Resolves with the object as soon as it is as wanted, looking at every state it goes through.
 *
 * @param namespace of the object; does not matter for one that has none
 */
export async function until<T extends KubeObject>(
  client: Client,
  ref: ResourceRef,
  name: string,
  wanted: (object: T) => boolean,
  namespace = "default",
  timeoutSeconds = patienceSeconds,
): Promise<T> {
  let last: T | undefined;
  const watch = client.resource<T>(ref).watch({ ...scopeOf(ref, name, namespace), timeoutSeconds });
  for await (const { type, object } of watch) {
    if (type !== "ADDED" && type !== "MODIFIED") continue;
    last = object;
    if (wanted(object)) return object;
  }
  const state = JSON.stringify(last?.["status"] ?? last);
  throw new Error(`${ref.kind} ${name} did not get there in ${timeoutSeconds} s; it is ${state}`);
}

/** Resolves when there is no such object, or none of the name that is wanted any more. */
export async function untilGone(
  client: Client,
  ref: ResourceRef,
  name: string,
  namespace = "default",
  timeoutSeconds = patienceSeconds,
): Promise<void> {
  const resource = client.resource(ref);
  const scope = scopeOf(ref, name, namespace);
  const list = await resource.list(scope);
  if (list.items.length === 0) return;
  const resourceVersion = list.metadata.resourceVersion ?? "";
  for await (const { type } of resource.watch({ ...scope, resourceVersion, timeoutSeconds })) {
    if (type === "DELETED") return;
  }
  throw new Error(`${ref.kind} ${name} is still there after ${timeoutSeconds} s`);
}

function scopeOf(ref: ResourceRef, name: string, namespace: string): { fieldSelector: string; namespace?: string } {
  return { fieldSelector: `metadata.name=${name}`, ...(ref.namespaced ? { namespace } : {}) };
}
