import type { ResourceClient } from "@podwright/client";
import type { KubeObject, LabelSelector } from "@podwright/kube";
import { controllerOf, controllerReference } from "../owner-references.ts";
import { isNotFound } from "./controller.ts";

/**
 * Which of the candidates the owner controls, after taking in orphans that its selector matches and letting go
 * of what it no longer matches (k8s.io/kubernetes/pkg/controller/controller_ref_manager.go).
 *
 * @param candidates objects that the owner controls, and orphans of its namespace.
 * @param fresh reads the owner anew: one that is being deleted adopts nothing.
 * @param finalizers what adopted objects get and those let go of lose.
 */
export async function claim<T extends KubeObject>(
  owner: KubeObject,
  selector: LabelSelector,
  candidates: readonly T[],
  resource: ResourceClient<T>,
  fresh: () => Promise<KubeObject>,
  finalizers: readonly string[] = [],
): Promise<T[]> {
  const claimed: T[] = [];
  let mayAdopt: Promise<boolean> | undefined;
  for (const object of candidates) {
    const controller = controllerOf(object);
    const matches = selector.matches(object.metadata.labels ?? {});
    if (controller?.uid === owner.metadata.uid) {
      if (matches) claimed.push(object);
      else if (owner.metadata.deletionTimestamp === undefined) await release(owner, object, resource, finalizers);
    } else if (
      controller === undefined &&
      matches &&
      object.metadata.deletionTimestamp === undefined &&
      owner.metadata.deletionTimestamp === undefined
    ) {
      mayAdopt ??= fresh().then(
        (latest) => latest.metadata.uid === owner.metadata.uid && latest.metadata.deletionTimestamp === undefined,
      );
      if (!(await mayAdopt)) continue;
      const adopted = await adopt(owner, object, resource, finalizers);
      if (adopted !== undefined) claimed.push(adopted);
    }
  }
  return claimed;
}

async function adopt<T extends KubeObject>(
  owner: KubeObject,
  object: T,
  resource: ResourceClient<T>,
  finalizers: readonly string[],
): Promise<T | undefined> {
  const { name = "", namespace, uid } = object.metadata;
  const added = finalizers.length > 0 ? { finalizers } : {};
  const patch = { metadata: { uid, ownerReferences: [controllerReference(owner)], ...added } };
  return resource.patch(name, namespace, patch, { type: "strategic" }).catch(undefinedWhenGone);
}

async function release<T extends KubeObject>(
  owner: KubeObject,
  object: T,
  resource: ResourceClient<T>,
  finalizers: readonly string[],
): Promise<void> {
  const { name = "", namespace, uid } = object.metadata;
  const removed = finalizers.length > 0 ? { "$deleteFromPrimitiveList/finalizers": finalizers } : {};
  const patch = { metadata: { uid, ownerReferences: [{ $patch: "delete", uid: owner.metadata.uid }], ...removed } };
  await resource.patch(name, namespace, patch, { type: "strategic" }).catch(undefinedWhenGone);
}

function undefinedWhenGone(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}
