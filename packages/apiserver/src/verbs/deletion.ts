import { formatTime, type KubeObject, status } from "@podwright/kube";
import { foregroundFinalizer, orphanFinalizer } from "../metadata/validation.ts";
import type { Resource } from "../resources/resource.ts";
import type { DeleteOptions } from "./delete-options.ts";

/** What a DELETE does to an object. */
export type Deletion =
  /** It goes at once; `object` is its last state. */
  | { type: "remove"; object: KubeObject }
  /** It is marked, and goes when its time is up and its finalizers are off. */
  | { type: "mark"; object: KubeObject }
  /** Its deletion is under way, and this asks for nothing more. */
  | { type: "unchanged" };

/**
 * Decides it, without changing the object (k8s.io/apiserver/pkg/registry/rest/delete.go, BeforeDelete;
 * pkg/registry/generic/registry/store.go, updateForGracefulDeletionAndFinalizers). Throws 409 for a failed precondition.
 */
export function decideDeletion(
  resource: Pick<Resource, "strategy" | "group" | "kind">,
  old: KubeObject,
  options: DeleteOptions,
  now: number,
): Deletion {
  checkPreconditions(resource, old, options);
  const object: KubeObject = { ...old, metadata: { ...old.metadata } };
  const graceful = beginGracefully(resource, object, options, now);
  if (graceful === "pending") return { type: "unchanged" };
  setCollectorFinalizers(object, options);
  const finalizers = object.metadata.finalizers?.length ?? 0;
  const { strategy } = resource;
  if (strategy.hasOtherFinalizers?.(object)) {
    object.metadata.deletionTimestamp ??= formatTime(now);
    strategy.prepareForDelete?.(object);
    return { type: "mark", object };
  }
  if (graceful !== undefined) {
    if (graceful === 0 && finalizers === 0) return { type: "remove", object };
    strategy.prepareForDelete?.(object);
    return { type: "mark", object };
  }
  if (finalizers === 0) return { type: "remove", object };
  markDeleting(object, now);
  strategy.prepareForDelete?.(object);
  return { type: "mark", object };
}

function checkPreconditions(
  { group, kind }: { group: string; kind: string },
  old: KubeObject,
  { preconditions }: DeleteOptions,
) {
  const { uid, resourceVersion, name } = old.metadata;
  const about = { group, resource: kind };
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw status.conflict(
      about,
      name ?? "",
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw status.conflict(
      about,
      name ?? "",
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

/**
 * Sets the time by which a kind with a grace period is to be gone: gives that period, or undefined when the kind has
 * none, or "pending" when it is waiting already and was asked for no shorter wait.
 */
function beginGracefully(
  { strategy }: Pick<Resource, "strategy">,
  object: KubeObject,
  options: DeleteOptions,
  now: number,
): number | "pending" | undefined {
  const { metadata } = object;
  // A negative period is the shortest there is.
  const requested =
    options.gracePeriodSeconds !== undefined && options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds;
  const wanted = strategy.gracePeriodSeconds(object, requested);
  if (wanted === undefined) return undefined;
  if (metadata.deletionTimestamp === undefined) {
    metadata.deletionTimestamp = formatTime(now + wanted * 1000);
    metadata.deletionGracePeriodSeconds = wanted;
    if (metadata.generation) metadata.generation++;
    return wanted;
  }
  const current = metadata.deletionGracePeriodSeconds ?? 0;
  if (current === 0) return undefined;
  if (requested === undefined || requested >= current) return "pending";
  let period = requested;
  let deletionMs = Date.parse(metadata.deletionTimestamp) + (requested - current) * 1000;
  if (deletionMs < now) {
    deletionMs = now;
    if (period !== 0) period = 1;
  }
  metadata.deletionTimestamp = formatTime(deletionMs);
  metadata.deletionGracePeriodSeconds = period;
  return period;
}

/** Has the garbage collector orphan the dependents, or delete them first, as the options say. */
function setCollectorFinalizers(object: KubeObject, options: DeleteOptions): void {
  const finalizers = object.metadata.finalizers ?? [];
  const wanted = collectorFinalizer(finalizers, options);
  const others = finalizers.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  const next = wanted === undefined ? others : [...others, wanted];
  const same = next.length === finalizers.length && next.every((name) => finalizers.includes(name));
  if (same) return;
  if (next.length === 0) delete object.metadata.finalizers;
  else object.metadata.finalizers = next;
}

function collectorFinalizer(finalizers: readonly string[], options: DeleteOptions): string | undefined {
  if (options.orphanDependents !== undefined) return options.orphanDependents ? orphanFinalizer : undefined;
  switch (options.propagationPolicy) {
    case "Orphan":
      return orphanFinalizer;
    case "Foreground":
      return foregroundFinalizer;
    case "Background":
      return undefined;
    default:
      return finalizers.find((name) => name === orphanFinalizer || name === foregroundFinalizer);
  }
}

/** store.go, markAsDeleting. */
function markDeleting(object: KubeObject, now: number): void {
  const { metadata } = object;
  if (metadata.deletionTimestamp === undefined && metadata.generation) metadata.generation++;
  if (metadata.deletionTimestamp === undefined || Date.parse(metadata.deletionTimestamp) > now) {
    metadata.deletionTimestamp = formatTime(now);
  }
  metadata.deletionGracePeriodSeconds = 0;
}
