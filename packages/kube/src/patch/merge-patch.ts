import { cloneJson, isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";

/**
 * Applies a JSON merge patch (RFC 7386): objects merge, null removes a field, everything else replaces. The inputs are
 * not changed.
 */
export function applyMergePatch(document: JsonValue, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return cloneJson(patch);
  const result: JsonObject = isJsonObject(document) ? { ...document } : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === undefined) continue;
    if (value === null) delete result[key];
    else setField(result, key, applyMergePatch(Object.hasOwn(result, key) ? (result[key] ?? null) : null, value));
  }
  return result;
}
