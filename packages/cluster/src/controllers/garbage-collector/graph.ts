/** Who owns whom, by uid (k8s.io/kubernetes/pkg/controller/garbagecollector/graph_builder.go). */
import type { KubeObject, OwnerReference } from "@podwright/kube";

export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";

export interface GraphNode {
  readonly uid: string;
  apiVersion: string;
  kind: string;
  /** As seen; for what was never seen, the namespace of who refers to it. */
  namespace: string | undefined;
  name: string;
  owners: readonly OwnerReference[];
  readonly dependents: Set<GraphNode>;
  /** Never seen, only referred to. */
  virtual: boolean;
  beingDeleted: boolean;
  /** Being deleted in the foreground: waits for its dependents to go. */
  deletingDependents: boolean;
  /** Being deleted, once its dependents have been let go. */
  orphaningDependents: boolean;
}

/** What a change makes necessary. */
export interface GraphEffects {
  /** Objects that may have to be deleted, or may be done waiting for their dependents. */
  examine: GraphNode[];
  /** Objects whose dependents are to be let go. */
  orphan: GraphNode[];
  /** Dependents that name an owner of another namespace, which cannot be. */
  misplaced: { dependent: GraphNode; owner: GraphNode }[];
}

export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** An object was added or changed. */
  observe(object: KubeObject): GraphEffects {
    const effects: GraphEffects = { examine: [], orphan: [], misplaced: [] };
    const uid = object.metadata.uid ?? "";
    const known = this.#nodes.get(uid);
    const node = known ?? newNode(uid);
    if (known === undefined) this.#nodes.set(uid, node);
    const wasDeleting = node.deletingDependents;
    const wasOrphaning = node.orphaningDependents;
    this.#identify(node, object, effects);
    this.#relate(node, object.metadata.ownerReferences ?? [], effects);

    node.beingDeleted = object.metadata.deletionTimestamp !== undefined;
    const finalizers = object.metadata.finalizers ?? [];
    node.deletingDependents = node.beingDeleted && finalizers.includes(foregroundFinalizer);
    // Also in the middle of a deletion: a second request may ask for it.
    node.orphaningDependents = node.beingDeleted && finalizers.includes(orphanFinalizer);
    if (node.orphaningDependents) {
      if (!wasOrphaning) effects.orphan.push(node);
    } else if (node.deletingDependents && !wasDeleting) {
      effects.examine.push(...node.dependents, node);
    }
    return effects;
  }

  /** An object is gone. */
  remove(uid: string): GraphEffects {
    const effects: GraphEffects = { examine: [], orphan: [], misplaced: [] };
    const node = this.#nodes.get(uid);
    if (node === undefined) return effects;
    effects.examine.push(...node.dependents);
    for (const { uid: ownerUid } of node.owners) {
      const owner = this.#nodes.get(ownerUid);
      if (owner?.deletingDependents) effects.examine.push(owner);
    }
    this.#relate(node, [], effects);
    if (node.dependents.size === 0) this.#nodes.delete(uid);
    else {
      // Kept for its dependents, until they are gone or let go.
      node.virtual = true;
      node.beingDeleted = false;
      node.deletingDependents = false;
      node.orphaningDependents = false;
    }
    return effects;
  }

  #identify(node: GraphNode, object: KubeObject, effects: GraphEffects): void {
    const { name = "", namespace } = object.metadata;
    const identified = node.virtual && node.dependents.size > 0;
    node.apiVersion = object.apiVersion;
    node.kind = object.kind;
    node.name = name;
    node.namespace = namespace;
    node.virtual = false;
    if (!identified) return;
    for (const dependent of node.dependents) {
      if (!refersTo(dependent, node)) effects.examine.push(dependent);
      if (isMisplaced(dependent, node)) effects.misplaced.push({ dependent, owner: node });
    }
  }

  #relate(node: GraphNode, owners: readonly OwnerReference[], effects: GraphEffects): void {
    if (sameOwners(node.owners, owners)) return;
    const before = node.owners;
    node.owners = owners;
    for (const { uid } of before) {
      const owner = this.#nodes.get(uid);
      if (owner === undefined) continue;
      const still = owners.find((reference) => reference.uid === uid);
      if (still === undefined) {
        owner.dependents.delete(node);
        if (owner.virtual && owner.dependents.size === 0) this.#nodes.delete(uid);
      }
      // One blocked dependent less: the owner may be done waiting.
      if (owner.deletingDependents && still?.blockOwnerDeletion !== true) effects.examine.push(owner);
    }
    for (const reference of owners) this.#attach(node, reference, effects);
  }

  #attach(node: GraphNode, reference: OwnerReference, effects: GraphEffects): void {
    const known = this.#nodes.get(reference.uid);
    if (known !== undefined) {
      if (known.dependents.has(node)) return;
      known.dependents.add(node);
      if (known.virtual || !refersTo(node, known)) effects.examine.push(node);
      else if (known.beingDeleted && known.deletingDependents) effects.examine.push(node);
      if (!known.virtual && isMisplaced(node, known)) effects.misplaced.push({ dependent: node, owner: known });
      return;
    }
    const owner = newNode(reference.uid);
    owner.apiVersion = reference.apiVersion;
    owner.kind = reference.kind;
    owner.name = reference.name;
    owner.namespace = node.namespace;
    owner.dependents.add(node);
    this.#nodes.set(reference.uid, owner);
    // Not seen yet, or not there: the dependent is looked into.
    effects.examine.push(node);
  }
}

function newNode(uid: string): GraphNode {
  return {
    uid,
    apiVersion: "",
    kind: "",
    namespace: undefined,
    name: "",
    owners: [],
    dependents: new Set(),
    virtual: true,
    beingDeleted: false,
    deletingDependents: false,
    orphaningDependents: false,
  };
}

/** Dependents whose owner has to wait for them. */
export function blockingDependents(node: GraphNode): GraphNode[] {
  return [...node.dependents].filter((dependent) =>
    dependent.owners.some((reference) => reference.uid === node.uid && reference.blockOwnerDeletion === true),
  );
}

function refersTo(dependent: GraphNode, owner: GraphNode): boolean {
  if (isMisplaced(dependent, owner)) return false;
  return dependent.owners
    .filter((reference) => reference.uid === owner.uid)
    .every((reference) => reference.kind === owner.kind && reference.name === owner.name);
}

function isMisplaced(dependent: GraphNode, owner: GraphNode): boolean {
  return owner.namespace !== undefined && owner.namespace !== dependent.namespace;
}

function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  return (
    a.length === b.length &&
    a.every((reference, index) => {
      const other = b[index];
      return (
        reference.uid === other?.uid &&
        reference.name === other.name &&
        reference.kind === other.kind &&
        reference.blockOwnerDeletion === other.blockOwnerDeletion
      );
    })
  );
}
