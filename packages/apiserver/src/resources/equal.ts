import type { JsonValue } from "@podwright/kube";

/** Are two JSON values the same? The order of keys does not matter, and an undefined field is an absent one. */
export function equalJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!equalJson(a[i], b[i])) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  let fields = 0;
  for (const key in a) {
    if (a[key] === undefined) continue;
    fields++;
    if (!equalJson(a[key], b[key])) return false;
  }
  for (const key in b) if (b[key] !== undefined) fields--;
  return fields === 0;
}
