import { isDeepStrictEqual } from "node:util";

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
