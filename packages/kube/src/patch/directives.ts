import { isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { formatGoValue } from "../quote.ts";
import { PatchError } from "./patch-error.ts";

/** The directives of strategic merge patches (k8s.io/apimachinery/pkg/util/strategicpatch/patch.go). */
export const directiveMarker = "$patch";
export const deleteFromListPrefix = "$deleteFromPrimitiveList";
export const setElementOrderPrefix = "$setElementOrder";
const retainKeys = "$retainKeys";

/** Obeys $retainKeys: removes from `original` all fields it does not name. Takes the directive out of the patch. */
export function applyRetainKeys(original: JsonObject, patch: JsonObject): void {
  const retained = patch[retainKeys];
  if (retained === undefined) return;
  delete patch[retainKeys];
  if (!Array.isArray(retained)) throw badRetainKeys();
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || key.startsWith(deleteFromListPrefix) || key.startsWith(setElementOrderPrefix)) continue;
    if (!retained.includes(key)) throw badRetainKeys();
  }
  for (const key of Object.keys(original)) if (!retained.includes(key)) delete original[key];
}

function badRetainKeys(): PatchError {
  return new PatchError(400, "invalid patch format of retainKeys");
}

/** The value without the maps that carry $patch, undefined when it is one. Changes the value. */
export function removeDirectives(value: JsonValue): JsonValue | undefined {
  if (Array.isArray(value)) {
    return value.map(removeDirectives).filter((element) => element !== undefined);
  }
  if (!isJsonObject(value)) return value;
  if (Object.hasOwn(value, directiveMarker)) return undefined;
  for (const [key, field] of Object.entries(value)) {
    if (field === undefined || typeof field !== "object") continue;
    const kept = removeDirectives(field);
    if (kept === undefined) delete value[key];
    else if (kept !== field) setField(value, key, kept);
  }
  return value;
}

/** Removes fields that are null, at any depth. Changes the value. */
export function discardNulls(value: JsonValue): void {
  if (Array.isArray(value)) for (const element of value) discardNulls(element);
  else if (isJsonObject(value)) {
    for (const [key, field] of Object.entries(value)) {
      if (field === null) delete value[key];
      else if (typeof field === "object") discardNulls(field);
    }
  }
}

export function unknownDirective(directive: JsonValue | undefined, map: JsonObject): PatchError {
  return new PatchError(500, `unknown patch type: ${formatGoValue(directive)} in map: ${formatGoValue(map)}`);
}
