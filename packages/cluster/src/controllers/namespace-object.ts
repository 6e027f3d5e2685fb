/** An object of one name that every namespace is to have. */
import { type ResourceRef, WorkQueue } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Namespace } from "../kinds.ts";
import {
  type Controller,
  type ControllerContext,
  isAlreadyExists,
  isNamespaceTerminating,
  reportTo,
} from "./controller.ts";
import { namespaceInformer } from "./informers.ts";

export interface NamespaceObjectOptions {
  /** Of the controller, for its reports. */
  controller: string;
  resource: ResourceRef;
  name: string;
  wanted: (namespace: string) => KubeObject;
  /** The object as it has to be; undefined when it is. Without: once it is there, it may be anything. */
  corrected?: (present: KubeObject) => KubeObject | undefined;
}

/** Makes the object in each namespace, and again when it is deleted; a namespace that is going gets none. */
export function createNamespaceObjectController(
  context: ControllerContext,
  { controller, resource, name, wanted, corrected = () => undefined }: NamespaceObjectOptions,
): Controller {
  const client = context.client.resource(resource);
  const namespaces = namespaceInformer(context.informers);
  // Only those of the name: others can be large and many.
  const cache = context.informers.for(resource, { fieldSelector: `metadata.name=${name}` });
  const queue = new WorkQueue({
    reconcile,
    concurrency: 5,
    clock: context.clock,
    onError: reportTo(context.logger, controller),
  });
  const enqueue = ({ metadata }: Namespace): void => queue.add(metadata.name ?? "");
  namespaces.onChange({ added: enqueue, updated: enqueue });
  const enqueueNamespaceOf = ({ metadata }: KubeObject): void => queue.add(metadata.namespace ?? "");
  cache.onChange({ updated: enqueueNamespaceOf, deleted: enqueueNamespaceOf });

  async function reconcile(key: string): Promise<void> {
    await cache.synced();
    const namespace = namespaces.get(key);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    const present = cache.get(name, key);
    if (present === undefined) {
      await client.create(wanted(key)).catch((error: unknown) => {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error;
      });
      return;
    }
    const correct = corrected(present);
    if (correct !== undefined) await client.update(correct);
  }

  return queue;
}
