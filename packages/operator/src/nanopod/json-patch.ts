import type { JsonObject, JsonValue } from "@podwright/kube";

export type JsonPatchOperation =
  | { op: "add" | "replace"; path: string; value: JsonValue }
  | { op: "remove"; path: string };

/**
 * The RFC 6902 operations that turn one object into the other. Lists that differ are replaced whole: an admission
 * answer needs no minimal patch, and a whole list cannot be taken apart by another webhook's order of elements.
 */
export function diffToJsonPatch(before: JsonObject, after: JsonObject): JsonPatchOperation[] {
  const operations: JsonPatchOperation[] = [];
  diffObjects(before, after, "", operations);
  return operations;
}

function diffObjects(before: JsonObject, after: JsonObject, path: string, operations: JsonPatchOperation[]): void {
  for (const key of Object.keys(before)) {
    if (own(before, key) !== undefined && own(after, key) === undefined) {
      operations.push({ op: "remove", path: `${path}/${escapePointer(key)}` });
    }
  }
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const old = own(before, key);
    const at = `${path}/${escapePointer(key)}`;
    if (old === undefined) operations.push({ op: "add", path: at, value });
    else if (isObject(old) && isObject(value)) diffObjects(old, value, at, operations);
    else if (!equal(old, value)) operations.push({ op: "replace", path: at, value });
  }
}

function equal(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index] as JsonValue));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] ?? null, b[key] ?? null))
  );
}

/** The object's own value: data may have keys such as __proto__. */
function own(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 6901 section 3. */
function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
