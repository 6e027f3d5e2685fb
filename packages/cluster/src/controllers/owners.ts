/** From what is owned to the owners that have to look at it. */
import { type Informer, objectKey, type WorkQueue } from "@podwright/client";
import { type KubeObject, type LabelSelector, labelSelectorFromObject } from "@podwright/kube";
import type { LabelSelectorObject } from "../kinds.ts";
import { controllerOf } from "../owner-references.ts";

/** Something that owns what its selector matches. */
export interface Owner extends KubeObject {
  spec: { selector: LabelSelectorObject };
}

export function selectorOf({ spec }: Owner): LabelSelector {
  return labelSelectorFromObject(spec.selector);
}

/** Tells of an object at each of its changes; of its old form too when it has changed hands. */
export function followOwned<T extends KubeObject>(owned: Informer<T>, look: (object: T) => void): void {
  owned.onChange({
    added: look,
    updated: (object, old) => {
      look(object);
      if (controllerOf(old)?.uid !== controllerOf(object)?.uid) look(old);
    },
    deleted: look,
  });
}

export interface OwnersOptions<O extends Owner, T extends KubeObject> {
  /** With the index "namespace". */
  owners: Informer<O>;
  /** "ReplicaSet": of the owners. */
  kind: string;
  owned: Informer<T>;
  queue: Pick<WorkQueue, "add">;
  /** May the owner take in an orphan that its selector matches? Default: yes. */
  mayTakeIn?: (owner: O, orphan: T) => boolean;
}

/**
 * Queues owners when they change, when something they control does, and when an orphan does that they could take in
 * (k8s.io/kubernetes/pkg/controller/replicaset/replica_set.go, addPod, updatePod, deletePod).
 */
export function enqueueOwners<O extends Owner, T extends KubeObject>(options: OwnersOptions<O, T>): void {
  const { owners, kind, owned, queue, mayTakeIn = () => true } = options;
  const enqueue = (owner: O): void => queue.add(objectKey(owner));
  owners.onChange({ added: enqueue, updated: enqueue });
  followOwned(owned, (object) => {
    const { namespace = "" } = object.metadata;
    const controller = controllerOf(object);
    if (controller?.kind === kind) queue.add(`${namespace}/${controller.name}`);
    if (controller === undefined) {
      for (const owner of takers(owners, object)) if (mayTakeIn(owner, object)) enqueue(owner);
    }
  });
}

/** The owners of its namespace whose selector matches the object. */
export function takers<O extends Owner>(owners: Informer<O>, { metadata }: KubeObject): O[] {
  const { namespace = "", labels = {} } = metadata;
  return owners.by("namespace", namespace).filter((owner) => selectorOf(owner).matches(labels));
}
