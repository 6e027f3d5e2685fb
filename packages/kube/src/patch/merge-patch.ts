import { cloneJson, isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { PatchError } from "./patch-error.ts";

/**
 * Applies a JSON merge patch (RFC 7386) as the API server does: objects merge, null removes a field, all else replaces.
 * Unlike the RFC, nulls are removed inside lists too, except where a list replaces an object
 * (gopkg.in/evanphx/json-patch.v4/merge.go). The inputs are not changed.
 *
 * @throws {PatchError} 400 for a patch that is neither object nor list
 */
export function applyMergePatch(document: JsonValue, patch: JsonValue): JsonValue {
  if (typeof patch !== "object" || patch === null) throw new PatchError(400, "Invalid JSON Patch");
  if (!isJsonObject(document) || !isJsonObject(patch)) return withoutNulls(patch);
  return mergeObjects(cloneJson(document), patch);
}

/** Merges into `document`, which it changes and returns. */
function mergeObjects(document: JsonObject, patch: JsonObject): JsonObject {
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === undefined) continue;
    if (value === null) {
      delete document[key];
      continue;
    }
    const current = Object.hasOwn(document, key) ? document[key] : undefined;
    if (!isJsonObject(current)) setField(document, key, withoutNulls(value));
    else setField(document, key, isJsonObject(value) ? mergeObjects(current, value) : cloneJson(value));
  }
  return document;
}

/** A copy without fields that are null; nulls in lists stay. */
function withoutNulls(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isJsonObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    const field = value[key];
    if (field !== undefined && field !== null) setField(copy, key, withoutNulls(field));
  }
  return copy;
}
