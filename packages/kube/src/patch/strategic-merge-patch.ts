import { cloneJson, isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { PatchField, PatchSchema } from "../patch-schema.ts";
import {
  applyRetainKeys,
  deleteFromListPrefix,
  directiveMarker,
  discardNulls,
  removeDirectives,
  setElementOrderPrefix,
  unknownDirective,
} from "./directives.ts";
import {
  checkPatchOrder,
  elementsAreMaps,
  expectList,
  mergeOrders,
  missingMergeKey,
  partition,
} from "./element-order.ts";
import { PatchError } from "./patch-error.ts";

/**
 * Applies a strategic merge patch as the API server does: maps merge, null removes a field, lists with the merge
 * strategy merge by their merge key or as sets, all others are replaced; directives ($patch, $retainKeys,
 * $deleteFromPrimitiveList, $setElementOrder) are obeyed. The order of elements is upstream's
 * (k8s.io/apimachinery/pkg/util/strategicpatch/patch.go, StrategicMergeMapPatch). The inputs are not changed.
 *
 * As upstream, this leaves nulls and directives in what is taken whole: elements new to a list, replaced lists.
 *
 * @param schema facts on the fields of the document's kind
 * @throws {PatchError} for a patch that is wrong
 */
export function applyStrategicMergePatch(document: JsonObject, patch: JsonObject, schema: PatchSchema): JsonObject {
  return mergeMap(cloneJson(document), cloneJson(patch), schema);
}

const noField: PatchField = { strategies: [] };

/** Merges into `original`, which it changes and returns; `patch` is used up. */
function mergeMap(original: JsonObject, patch: JsonObject, schema: PatchSchema | undefined): JsonObject {
  if (Object.hasOwn(patch, directiveMarker)) return obeyMapDirective(patch);
  applyRetainKeys(original, patch);
  applyElementOrders(original, patch, schema);
  for (const patchKey of Object.keys(patch)) {
    const value = patch[patchKey];
    if (value === undefined) continue;
    const deletion = patchKey.startsWith(deleteFromListPrefix);
    const key = deletion ? listOfDirective(patchKey, deleteFromListPrefix) : patchKey;
    if (value === null) {
      delete original[key];
      continue;
    }
    const current = Object.hasOwn(original, key) ? original[key] : undefined;
    const field = schema?.field(key) ?? noField;
    if (isJsonObject(current) && isJsonObject(value)) {
      const replace = strategyOf(field) === "replace";
      setField(original, key, replace ? value : mergeMap(current, value, field.element));
    } else if (Array.isArray(current) && Array.isArray(value)) {
      setField(original, key, mergeListField(current, value, field, deletion));
    } else if (!deletion) {
      if (typeof value === "object") discardNulls(value);
      const kept = removeDirectives(value);
      if (kept === undefined) delete original[key];
      else setField(original, key, kept);
    }
  }
  return original;
}

function obeyMapDirective(patch: JsonObject): JsonObject {
  const directive = patch[directiveMarker];
  if (directive === "delete") return {};
  if (directive !== "replace") throw unknownDirective(directive, patch);
  delete patch[directiveMarker];
  return patch;
}

/** The strategy for a field's value; retainKeys is about directives only. */
function strategyOf(field: PatchField): string {
  const strategies = field.strategies.filter((strategy) => strategy !== "retainKeys");
  if (strategies.length > 1) {
    throw new PatchError(500, `unexpected patch strategy: [${field.strategies.join(" ")}]`);
  }
  return strategies[0] ?? "";
}

/** "$setElementOrder/containers" → "containers". */
function listOfDirective(key: string, prefix: string): string {
  if (key.startsWith(`${prefix}/`)) return key.slice(prefix.length + 1);
  const list = prefix === deleteFromListPrefix ? "primitive list" : "setElementOrder list";
  throw new PatchError(400, `invalid patch format of ${list}`);
}

/** Merges the lists that have a $setElementOrder beside them, and takes both out of the patch. */
function applyElementOrders(original: JsonObject, patch: JsonObject, schema: PatchSchema | undefined): void {
  for (const directive of Object.keys(patch)) {
    if (!directive.startsWith(setElementOrderPrefix)) continue;
    const order = expectList(patch[directive]);
    delete patch[directive];
    const key = listOfDirective(directive, setElementOrderPrefix);
    const current = Object.hasOwn(original, key) ? expectList(original[key]) : undefined;
    const changes = Object.hasOwn(patch, key) ? expectList(patch[key]) : undefined;
    const field = schema?.field(key) ?? noField;
    const mergeKey = field.mergeKey ?? "";
    checkPatchOrder(changes ?? [], order, mergeKey);

    let merged: JsonValue[];
    if (current === undefined && changes === undefined) continue;
    if (changes === undefined) merged = current ?? [];
    else if (current === undefined) merged = removeDirectives(changes) as JsonValue[];
    else merged = mergeListField(current, changes, field, false);

    const [fromPatch, fromServer] = partition(merged, order, mergeKey);
    const maps = elementsAreMaps(current ?? [], changes ?? []);
    // Merging has deleted from `current` in place: what stayed there orders the rest, as upstream.
    setField(original, key, mergeOrders(fromPatch, fromServer, order, current ?? [], mergeKey, maps));
    delete patch[key];
  }
}

function mergeListField(original: JsonValue[], patch: JsonValue[], field: PatchField, deletion: boolean): JsonValue[] {
  if (strategyOf(field) !== "merge" && !deletion) return patch;
  if (original.length === 0 && patch.length === 0) return original;
  if (elementsAreMaps(original, patch)) return mergeMapList(original, patch as JsonObject[], field);
  return deletion ? original.filter((element) => !patch.includes(element)) : mergeScalarList(original, patch, field);
}

function mergeScalarList(original: JsonValue[], patch: JsonValue[], field: PatchField): JsonValue[] {
  const merged = [...new Set([...original, ...patch])];
  const [fromPatch, fromServer] = partition(merged, patch, field.mergeKey ?? "");
  return mergeOrders(fromPatch, fromServer, patch, original, "", false);
}

function mergeMapList(original: JsonValue[], patch: JsonObject[], field: PatchField): JsonValue[] {
  const mergeKey = field.mergeKey ?? "";
  if (mergeKey === "") throw new PatchError(500, "cannot merge lists without merge key for struct");
  const list = new SharedList(original);
  let additions = obeyElementDirectives(list, patch, mergeKey);
  let merged = list;
  if (additions.replace) {
    merged = new SharedList(additions.elements);
    additions = { elements: [], replace: false };
  }
  const serverOrder = merged.elements();
  for (const element of additions.elements) {
    const key = element[mergeKey];
    if (key === undefined) throw missingMergeKey(element, mergeKey);
    const index = merged.indexOf(mergeKey, key);
    if (index < 0) merged.append(element);
    else merged.set(index, mergeMap(merged.at(index), element, field.element));
  }
  const [fromPatch, fromServer] = partition(merged.elements(), additions.elements, mergeKey);
  return mergeOrders(fromPatch, fromServer, additions.elements, serverOrder, mergeKey, true);
}

/** Deletes the elements the patch names with $patch: delete, and gives the patch's elements that are no directives. */
function obeyElementDirectives(
  list: SharedList,
  patch: JsonObject[],
  mergeKey: string,
): { elements: JsonObject[]; replace: boolean } {
  const elements: JsonObject[] = [];
  let replace = false;
  for (const element of patch) {
    const directive = element[directiveMarker];
    if (directive === undefined) elements.push(element);
    else if (directive === "replace") replace = true;
    else if (directive === "merge") throw new PatchError(500, "merging lists cannot yet be specified in the patch");
    else if (directive !== "delete") throw unknownDirective(directive, element);
    else {
      const key = element[mergeKey];
      if (key === undefined) throw missingMergeKey(element, mergeKey);
      for (let at = list.indexOf(mergeKey, key); at >= 0; at = list.indexOf(mergeKey, key)) list.delete(at);
    }
  }
  return { elements, replace };
}

/**
 * A list that shares its array with its caller, as a Go slice does: deleting moves the rest down in that array, and
 * appending goes where deleted elements were. The caller's array is what $setElementOrder takes for the live order, so
 * where new elements end up among those only the server knows depends on it.
 */
class SharedList {
  #array: JsonValue[];
  #length: number;

  constructor(array: JsonValue[]) {
    this.#array = array;
    this.#length = array.length;
  }

  elements(): JsonValue[] {
    return this.#array.slice(0, this.#length);
  }

  at(index: number): JsonObject {
    return this.#array[index] as JsonObject;
  }

  set(index: number, element: JsonObject): void {
    this.#array[index] = element;
  }

  indexOf(mergeKey: string, value: JsonValue): number {
    for (let i = 0; i < this.#length; i++) {
      const element = this.#array[i];
      if (isJsonObject(element) && element[mergeKey] === value) return i;
    }
    return -1;
  }

  delete(index: number): void {
    this.#array.copyWithin(index, index + 1, this.#length);
    this.#length--;
  }

  append(element: JsonObject): void {
    if (this.#length === this.#array.length) this.#array = [...this.#array];
    this.#array[this.#length++] = element;
  }
}
