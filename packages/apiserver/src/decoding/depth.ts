import type { JsonValue } from "@podwright/kube";

/**
 * How deep an object may be nested. Upstream reads 10,000 levels; here the way of an object calls itself for each of
 * them, and so many fit on the stack in every step of it.
 */
export const maxDepth = 1000;

/** Whether the value is nested no deeper than an object may be. Looks without calling itself. */
export function isWithinDepth(value: JsonValue): boolean {
  let level: JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return false;
    const next: JsonValue[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      for (const child of Array.isArray(item) ? item : Object.values(item)) {
        if (typeof child === "object" && child !== null) next.push(child);
      }
    }
    level = next;
  }
  return true;
}
