import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { formatGoValue } from "../quote.ts";
import { directiveMarker, setElementOrderPrefix } from "./directives.ts";
import { PatchError } from "./patch-error.ts";

/**
 * Puts the elements of a merged list in order: those of the patch in the patch's order, those only the server has in
 * the server's, each before the first patch element that comes later on the server
 * (k8s.io/apimachinery/pkg/util/strategicpatch/patch.go, normalizeElementOrder).
 */
export function mergeOrders(
  fromPatch: JsonValue[],
  fromServer: JsonValue[],
  patchOrder: JsonValue[],
  serverOrder: JsonValue[],
  mergeKey: string,
  maps: boolean,
): JsonValue[] {
  if (maps) for (const list of [fromPatch, patchOrder, fromServer, serverOrder]) requireMergeKeys(list, mergeKey);
  const keyOf = (element: JsonValue) => (maps ? (element as JsonObject)[mergeKey] : element);
  const patchRanks = ranks(patchOrder.map(keyOf));
  const serverRanks = ranks(serverOrder.map(keyOf));
  const right = sortByRank(fromPatch, (element) => patchRanks.get(keyOf(element)));
  const left = sortByRank(fromServer, (element) => serverRanks.get(keyOf(element)));

  const result: JsonValue[] = [];
  let at = 0;
  for (const element of right) {
    const rank = serverRanks.get(keyOf(element));
    while (at < left.length) {
      const serverRank = serverRanks.get(keyOf(left[at] as JsonValue));
      if (rank === undefined || serverRank === undefined || serverRank >= rank) break;
      result.push(left[at++] as JsonValue);
    }
    result.push(element);
  }
  return [...result, ...left.slice(at)];
}

/** The place of each key, of the first where it is repeated. */
function ranks(keys: (JsonValue | undefined)[]): Map<JsonValue | undefined, number> {
  const places = new Map<JsonValue | undefined, number>();
  keys.forEach((key, index) => {
    if (!places.has(key)) places.set(key, index);
  });
  return places;
}

/**
 * Sorts by rank, stably. Upstream's comparison calls an element without a rank less than any other; what comes of
 * that is the doing of its insertion sort, so this is one too.
 */
function sortByRank(elements: JsonValue[], rankOf: (element: JsonValue) => number | undefined): JsonValue[] {
  const ranked = elements.map((element) => ({ element, rank: rankOf(element) }));
  if (ranked.every(({ rank }) => rank !== undefined)) ranked.sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
  else {
    for (let i = 1; i < ranked.length; i++) {
      for (let j = i; j > 0; j--) {
        const [before, after] = [ranked[j - 1], ranked[j]] as [(typeof ranked)[0], (typeof ranked)[0]];
        if (before.rank !== undefined && after.rank !== undefined && after.rank >= before.rank) break;
        ranked[j - 1] = after;
        ranked[j] = before;
      }
    }
  }
  return ranked.map(({ element }) => element);
}

/** The elements that are also in `others`, by merge key when there is one, and those that are not. */
export function partition(
  elements: JsonValue[],
  others: JsonValue[],
  mergeKey: string,
): [present: JsonValue[], absent: JsonValue[]] {
  const present: JsonValue[] = [];
  const absent: JsonValue[] = [];
  if (mergeKey !== "" && elements.length > 0) {
    others.forEach((other, index) => {
      if (!isJsonObject(other)) throw new PatchError(500, `value for key ${index} is not a map`);
    });
  }
  const keys = new Set(others.map((other) => (mergeKey === "" ? other : (other as JsonObject)[mergeKey])));
  for (const element of elements) {
    const key = mergeKey === "" ? element : mergeKeyOf(element, mergeKey);
    (keys.has(key) ? present : absent).push(element);
  }
  return [present, absent];
}

/** Checks that a patch's list has its elements in the order that its $setElementOrder gives, and no others. */
export function checkPatchOrder(patch: JsonValue[], order: JsonValue[], mergeKey: string): void {
  if (patch.length === 0 || order.length === 0) return;
  const kept = mergeKey === "" ? patch : patch.filter((element) => expectMap(element)[directiveMarker] !== "delete");
  let at = 0;
  let orderAt = 0;
  while (at < kept.length && orderAt < order.length) {
    const element = kept[at] as JsonValue;
    if (isJsonObject(element) && Object.hasOwn(element, directiveMarker)) {
      at++;
      continue;
    }
    if (sameKey(element, order[orderAt] as JsonValue, mergeKey)) at++;
    orderAt++;
  }
  if (at < kept.length) {
    const lists = `${formatGoValue(patch)}\n doesn't match ${setElementOrderPrefix} list:\n${formatGoValue(order)}`;
    throw new PatchError(500, `The order in patch list:\n${lists}\n`);
  }
}

function sameKey(a: JsonValue, b: JsonValue, mergeKey: string): boolean {
  if (mergeKey === "") return a === b;
  return mergeKeyOf(a, mergeKey) === mergeKeyOf(b, mergeKey);
}

function requireMergeKeys(list: JsonValue[], mergeKey: string): void {
  for (const element of list) mergeKeyOf(element, mergeKey);
}

function mergeKeyOf(element: JsonValue, mergeKey: string): JsonValue {
  const map = expectMap(element);
  const key = map[mergeKey];
  if (key === undefined) throw missingMergeKey(map, mergeKey);
  return key;
}

/** Whether the elements of two lists are maps. All must be of one type, and no lists. */
export function elementsAreMaps(a: JsonValue[], b: JsonValue[]): boolean {
  const elements = [...a, ...b];
  const [first] = elements;
  if (first === undefined) throw new PatchError(500, "no elements in any of the given slices");
  const type = goType(first);
  if (type === listType) throw new PatchError(422, "lists of lists are not supported");
  for (const element of elements) {
    if (goType(element) === type && element !== null) continue;
    throw new PatchError(500, `list element types are not identical: ${formatGoValue([a, b])}`);
  }
  return type === mapType;
}

export function expectList(value: JsonValue | undefined): JsonValue[] {
  if (Array.isArray(value)) return value;
  throw new PatchError(500, `expected a ${listType}, but received a ${goType(value)}`);
}

function expectMap(value: JsonValue): JsonObject {
  if (isJsonObject(value)) return value;
  throw new PatchError(500, `expected a ${mapType}, but received a ${goType(value)}`);
}

export function missingMergeKey(map: JsonObject, mergeKey: string): PatchError {
  return new PatchError(500, `map: ${formatGoValue(map)} does not contain declared merge key: ${mergeKey}`);
}

const listType = "[]interface {}";
const mapType = "map[string]interface {}";

function goType(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return listType;
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) ? "int64" : "float64";
    case "bigint":
      return "int64";
    default:
      return isJsonObject(value) ? mapType : "%!s(<nil>)";
  }
}
