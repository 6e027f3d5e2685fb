import { isDeepStrictEqual } from "node:util";
import type { ResourceClient } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { RecentWrites } from "./recent-writes.ts";

/**
 * A merge patch that turns the old status into the new one, field by field of the first level, or undefined
 * when they are the same. A patch cannot conflict with those who write the spec meanwhile.
 */
export function statusPatch<S extends object>(old: S | undefined, status: S): { status: Partial<S> } | undefined {
  const from = (old ?? {}) as Record<string, unknown>;
  const to = status as Record<string, unknown>;
  const changes: Record<string, unknown> = {};
  let changed = false;
  for (const field of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (isDeepStrictEqual(from[field], to[field])) continue;
    changed = true;
    changes[field] = to[field] === undefined ? null : to[field];
  }
  return changed ? { status: changes as Partial<S> } : undefined;
}

/**
 * Writes what is different in a status, if anything is, provided that the object is still the same one. Gives the
 * object as it is then; undefined when there was nothing to write.
 *
 * @param metadata what is to be written besides
 */
export async function writeStatus<S extends object, T extends KubeObject & { status?: S }>(
  resource: ResourceClient<T>,
  writes: RecentWrites<T>,
  object: T,
  status: S,
  metadata?: object,
): Promise<T | undefined> {
  const patch = statusPatch<S>(object.status, status);
  if (patch === undefined && metadata === undefined) return undefined;
  const { name = "", namespace, uid } = object.metadata;
  const body = { metadata: { uid, ...metadata }, ...patch };
  const written = await resource.patch(name, namespace, body, { type: "merge", subresource: "status" });
  writes.wrote(written);
  return written;
}
