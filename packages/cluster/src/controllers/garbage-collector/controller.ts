/** Deletes what has lost its owners (k8s.io/kubernetes/pkg/controller/garbagecollector/garbagecollector.go). */
import { customResourceDefinitions, NoMatchError, type ResourceRef, type Timer, WorkQueue } from "@podwright/client";
import { type KubeObject, type OwnerReference, StatusError } from "@podwright/kube";
import { type Controller, type ControllerContext, isNotFound, reportTo } from "../controller.ts";
import {
  blockingDependents,
  foregroundFinalizer,
  type GraphEffects,
  type GraphNode,
  OwnerGraph,
  orphanFinalizer,
} from "./graph.ts";
import { Monitors } from "./monitors.ts";

const retryMs = 1_000;

interface Classified {
  /** Owners that are there. */
  solid: OwnerReference[];
  /** Owners that are not. */
  dangling: OwnerReference[];
  /** Owners that wait for this object to go. */
  waiting: OwnerReference[];
}

export function createGarbageCollector(context: ControllerContext): Controller {
  const { client, recorder, clock, logger } = context;
  const graph = new OwnerGraph();
  const onError = reportTo(logger, "garbage-collector");
  const deletions = new WorkQueue({ reconcile: examine, concurrency: 20, clock, onError });
  const orphanings = new WorkQueue({ reconcile: orphanDependents, concurrency: 5, clock, onError });
  const monitors = new Monitors(
    client,
    context.informers,
    { clock, logger },
    {
      changed: (object) => apply(graph.observe(object)),
      deleted: (object) => apply(graph.remove(object.metadata.uid ?? "")),
    },
  );
  const definitions = context.informers.for(customResourceDefinitions);
  const refresh = (): void => {
    monitors.refresh().catch((error: unknown) => {
      logger.warn("the kinds to collect garbage of could not be read", { error: String(error) });
    });
  };
  let unsubscribe: (() => void) | undefined;
  let retry: Timer | undefined;

  function apply({ examine: nodes, orphan, misplaced }: GraphEffects): void {
    for (const node of nodes) deletions.add(node.uid);
    for (const node of orphan) orphanings.add(node.uid);
    for (const { dependent, owner } of misplaced) reportMisplaced(dependent, owner);
  }

  /** Deletes the object if nothing owns it any more; moves a deletion in the foreground on. */
  async function examine(uid: string): Promise<void> {
    const node = graph.get(uid);
    if (node === undefined || node.virtual || (node.beingDeleted && !node.deletingDependents)) return;
    const resource = await resourceOf(node);
    const latest = resource && (await read(resource, node.name, node.namespace));
    if (resource === undefined || latest === undefined || latest.metadata.uid !== uid) return;
    if (node.deletingDependents) return finishForeground(node, resource);

    const owners = latest.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const { solid, dangling, waiting } = await classify(node, owners);
    if (solid.length > 0) {
      const lost = [...dangling, ...waiting];
      if (lost.length > 0) await dropOwners(resource, latest, lost);
    } else if (waiting.length > 0 && node.dependents.size > 0) {
      // In a circle everybody would wait for everybody.
      if ([...node.dependents].some((dependent) => dependent.deletingDependents)) await unblockOwners(resource, latest);
      await remove(resource, latest, "Foreground");
    } else {
      const finalizers = latest.metadata.finalizers ?? [];
      await remove(
        resource,
        latest,
        finalizers.includes(orphanFinalizer)
          ? "Orphan"
          : finalizers.includes(foregroundFinalizer)
            ? "Foreground"
            : "Background",
      );
    }
  }

  async function finishForeground(node: GraphNode, resource: ResourceRef): Promise<void> {
    const blocking = blockingDependents(node);
    if (blocking.length === 0) return removeFinalizer(resource, node, foregroundFinalizer);
    for (const dependent of blocking) if (!dependent.deletingDependents) deletions.add(dependent.uid);
  }

  async function classify(node: GraphNode, owners: readonly OwnerReference[]): Promise<Classified> {
    const classified: Classified = { solid: [], dangling: [], waiting: [] };
    for (const reference of owners) {
      const owner = await readOwner(node, reference);
      if (owner === undefined) classified.dangling.push(reference);
      else if (
        owner.metadata.deletionTimestamp !== undefined &&
        owner.metadata.finalizers?.includes(foregroundFinalizer)
      ) {
        classified.waiting.push(reference);
      } else classified.solid.push(reference);
    }
    return classified;
  }

  /** The owner as the server has it, or undefined when it is certain that there is none. */
  async function readOwner(node: GraphNode, reference: OwnerReference): Promise<KubeObject | undefined> {
    const resource = await client.resourceFor(reference.apiVersion, reference.kind);
    if (resource.namespaced && node.namespace === undefined) {
      throw new Error(`${node.kind} "${node.name}" has no namespace, but its owner has one`);
    }
    const owner = await read(resource, reference.name, resource.namespaced ? node.namespace : undefined);
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  }

  async function read(
    resource: ResourceRef,
    name: string,
    namespace: string | undefined,
  ): Promise<KubeObject | undefined> {
    return client
      .resource(resource)
      .get(name, namespace)
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
  }

  async function resourceOf(node: GraphNode): Promise<ResourceRef | undefined> {
    try {
      return await client.resourceFor(node.apiVersion, node.kind);
    } catch (error) {
      // Its kind is gone, and it with it.
      if (error instanceof NoMatchError) return undefined;
      throw error;
    }
  }

  async function remove(
    resource: ResourceRef,
    object: KubeObject,
    propagationPolicy: "Background" | "Foreground" | "Orphan",
  ): Promise<void> {
    const { name = "", namespace, uid = "", resourceVersion = "" } = object.metadata;
    const target = client.resource(resource);
    try {
      await target.delete(name, namespace, { propagationPolicy, preconditions: { uid, resourceVersion } });
    } catch (error) {
      if (isNotFound(error)) return;
      if (!(error instanceof StatusError) || error.reason !== "Conflict") throw error;
      const live = await read(resource, name, namespace);
      if (live === undefined) return;
      const sameOwners =
        JSON.stringify(live.metadata.ownerReferences) === JSON.stringify(object.metadata.ownerReferences);
      if (live.metadata.uid !== uid || !sameOwners) throw error;
      // It changed, but not its owners: changes all the time must not keep it alive.
      await target.delete(name, namespace, { propagationPolicy, preconditions: { uid } });
    }
  }

  async function dropOwners(resource: ResourceRef, object: KubeObject, lost: readonly OwnerReference[]): Promise<void> {
    const uids = new Set(lost.map((reference) => reference.uid));
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter(({ uid }) => !uids.has(uid));
    await patchMetadata(resource, object, { ownerReferences });
  }

  async function unblockOwners(resource: ResourceRef, object: KubeObject): Promise<void> {
    const ownerReferences = (object.metadata.ownerReferences ?? []).map((reference) => ({
      ...reference,
      blockOwnerDeletion: false,
    }));
    await patchMetadata(resource, object, { ownerReferences });
  }

  async function orphanDependents(uid: string): Promise<void> {
    const owner = graph.get(uid);
    const resource = owner && (await resourceOf(owner));
    if (owner === undefined || resource === undefined) return;
    await Promise.all(
      [...owner.dependents].map(async (dependent) => {
        const dependentResource = await resourceOf(dependent);
        const latest = dependentResource && (await read(dependentResource, dependent.name, dependent.namespace));
        if (dependentResource === undefined || latest?.metadata.uid !== dependent.uid) return;
        const references = latest.metadata.ownerReferences ?? [];
        const lost = references.filter((reference) => reference.uid === uid);
        if (lost.length > 0) await dropOwners(dependentResource, latest, lost);
      }),
    );
    await removeFinalizer(resource, owner, orphanFinalizer);
  }

  async function removeFinalizer(resource: ResourceRef, node: GraphNode, finalizer: string): Promise<void> {
    const latest = await read(resource, node.name, node.namespace);
    const finalizers = latest?.metadata.finalizers ?? [];
    if (latest === undefined || latest.metadata.uid !== node.uid || !finalizers.includes(finalizer)) return;
    await patchMetadata(resource, latest, { finalizers: finalizers.filter((other) => other !== finalizer) });
  }

  /** Changes metadata, provided that nobody else changed the object meanwhile. */
  async function patchMetadata(resource: ResourceRef, object: KubeObject, changes: object): Promise<void> {
    const { name = "", namespace, uid, resourceVersion } = object.metadata;
    const patch = { metadata: { uid, resourceVersion, ...changes } };
    await client.resource(resource).patch(name, namespace, patch, { type: "merge" });
  }

  function reportMisplaced(dependent: GraphNode, owner: GraphNode): void {
    const reference = dependent.owners.find(({ uid }) => uid === owner.uid);
    if (reference === undefined) return;
    const { apiVersion, kind, name, uid } = reference;
    const namespace = dependent.namespace ?? "";
    recorder.event(
      {
        apiVersion: dependent.apiVersion,
        kind: dependent.kind,
        metadata: { name: dependent.name, uid: dependent.uid, ...(namespace ? { namespace } : {}) },
      },
      "Warning",
      "OwnerRefInvalidNamespace",
      `ownerRef [${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}] does not exist in namespace "${namespace}"`,
    );
  }

  return {
    start() {
      unsubscribe = definitions.onChange({ added: refresh, updated: refreshWhenServed, deleted: refresh });
      // Nothing is judged before everything has been seen.
      begin();
    },
    async stop() {
      unsubscribe?.();
      retry?.cancel();
      await Promise.all([deletions.stop(), orphanings.stop()]);
      await monitors.stop();
    },
  };

  function begin(): void {
    monitors.refresh().then(
      () => {
        deletions.start();
        orphanings.start();
      },
      (error: unknown) => {
        logger.warn("the kinds to collect garbage of could not be read", { error: String(error) });
        retry = clock.after(retryMs, begin, { background: true });
      },
    );
  }

  function refreshWhenServed(definition: KubeObject, old: KubeObject): void {
    if (
      isEstablished(definition) !== isEstablished(old) ||
      definition.metadata.generation !== old.metadata.generation
    ) {
      refresh();
    }
  }
}

function isEstablished(definition: KubeObject): boolean {
  const conditions = (definition["status"]?.conditions ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === "Established" && status === "True");
}
