import { cloneJson, getField, isJsonObject, jsonEqual, setField, stringifyJson } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { quote } from "../quote.ts";
import { PatchError } from "./patch-error.ts";

/** One step of a JSON patch. */
export interface JsonPatchOperation {
  op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  path: string;
  from?: string;
  value?: JsonValue;
}

/** Operations a patch may have (k8s.io/apiserver/pkg/endpoints/handlers/patch.go). */
const maxOperations = 10_000;
/** How much all `copy` operations of a patch may add (k8s.io/apiserver/pkg/server/config.go, JSONPatchMaxCopyBytes). */
const maxCopiedBytes = 3 * 1024 * 1024;

/**
 * Applies a JSON patch (RFC 6902) as the API server does, with its library's habits (gopkg.in/evanphx/json-patch.v4):
 * negative indices count from the end, `replace` and `copy` take an absent field of an object for null. The inputs are
 * not changed.
 *
 * @param operations the patch as parsed: its shape is checked
 * @throws {PatchError} 400 for what is no patch, 413 for too many operations, 422 for one that fails
 */
export function applyJsonPatch(document: JsonValue, operations: JsonValue | JsonPatchOperation[]): JsonValue {
  const checked = checkOperations(operations as JsonValue);
  if (checked.length > maxOperations) {
    const limit = `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${checked.length}`;
    throw new PatchError(413, limit);
  }
  const root: Root = { document: cloneJson(document), copiedBytes: 0 };
  for (const operation of checked) apply(root, operation);
  return root.document;
}

/** The fields of a patch's operations that JSON patch does not know, as strict decoding names them: "[0].valu". */
export function unknownJsonPatchFields(operations: JsonValue): string[] {
  if (!Array.isArray(operations)) return [];
  return operations.flatMap((operation, index) => {
    const fields = isJsonObject(operation) ? Object.keys(operation) : [];
    return fields.filter((field) => !knownFields.has(field)).map((field) => `[${index}].${field}`);
  });
}

const knownFields = new Set(["op", "path", "from", "value"]);

/** Checks types as upstream's decoder does; what is absent or null is each operation's business. */
function checkOperations(operations: JsonValue): JsonObject[] {
  const wrong = (value: JsonValue, into: string) =>
    new PatchError(400, `error decoding patch: json: cannot unmarshal ${jsonType(value)} into Go ${into}`);
  if (operations === null) return [];
  if (!Array.isArray(operations)) throw wrong(operations, "value of type []handlers.jsonPatchOp");
  return operations.map((operation) => {
    if (operation === null) return {};
    if (!isJsonObject(operation)) throw wrong(operation, "value of type handlers.jsonPatchOp");
    for (const field of ["op", "path", "from"]) {
      const value = operation[field];
      if (value === undefined || value === null || typeof value === "string") continue;
      throw wrong(value, `struct field jsonPatchOp.${field} of type string`);
    }
    return operation;
  });
}

function jsonType(value: JsonValue): string {
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "boolean":
      return "bool";
    case "bigint":
      return "number";
    default:
      return typeof value;
  }
}

interface Root {
  document: JsonValue;
  /** What `copy` operations have added so far. */
  copiedBytes: number;
}

type Step = (root: Root, operation: JsonObject) => void;

function apply(root: Root, operation: JsonObject): void {
  const kind = operation["op"] ?? "unknown";
  const step = typeof kind === "string" && Object.hasOwn(steps, kind) ? steps[kind] : undefined;
  if (step === undefined) throw failed(`Unexpected kind: ${kind}`);
  step(root, operation);
}

const steps: Readonly<Record<string, Step>> = { add, remove, replace, move, test, copy };

function add(root: Root, operation: JsonObject): void {
  const path = operation["path"];
  if (typeof path !== "string") throw missing("add operation failed to decode path");
  const place = find(root, path);
  if (place === undefined) throw missing(`add operation does not apply: doc is missing path: "${path}"`);
  within(`error in add for path: '${path}'`, () => place.add(valueIn(operation)));
}

function remove(root: Root, operation: JsonObject): void {
  const path = operation["path"];
  if (typeof path !== "string") throw missing("remove operation failed to decode path");
  const place = find(root, path);
  if (place === undefined) throw missing(`remove operation does not apply: doc is missing path: "${path}"`);
  within(`error in remove for path: '${path}'`, () => place.remove());
}

function replace(root: Root, operation: JsonObject): void {
  const path = pathOf(operation, "replace");
  if (path === "") {
    const value = valueIn(operation);
    if (typeof value !== "object" || value === null) {
      throw failed("replace operation value must be object or array: %!w(<nil>)");
    }
    root.document = value;
    return;
  }
  const place = find(root, path);
  if (place === undefined) throw missing(`replace operation does not apply: doc is missing path: ${path}`);
  try {
    place.get();
  } catch (error) {
    if (!(error instanceof PatchError)) throw error;
    throw missing(`replace operation does not apply: doc is missing key: ${path}`);
  }
  place.set(valueIn(operation));
}

function move(root: Root, operation: JsonObject): void {
  const from = fromOf(operation, "move");
  const source = find(root, from);
  if (source === undefined) throw missing(`move operation does not apply: doc is missing from path: ${from}`);
  const value = within(`error in move for path: '${source.key}'`, () => {
    const found = source.get();
    source.remove();
    return found;
  });
  const path = pathOf(operation, "move");
  const target = find(root, path);
  if (target === undefined) throw missing(`move operation does not apply: doc is missing destination path: ${path}`);
  within(`error in move for path: '${path}'`, () => target.add(value ?? null));
}

function copy(root: Root, operation: JsonObject): void {
  const from = fromOf(operation, "copy");
  const source = find(root, from);
  if (source === undefined) throw missing(`copy operation does not apply: doc is missing from path: ${from}`);
  const value = within(`error in copy for from: '${from}'`, () => source.get());
  const path = operation["path"];
  if (typeof path !== "string") throw missing("copy operation failed to decode path");
  const target = find(root, path);
  if (target === undefined) throw missing(`copy operation does not apply: doc is missing destination path: ${path}`);
  root.copiedBytes += Buffer.byteLength(stringifyJson(value ?? null));
  if (root.copiedBytes > maxCopiedBytes) {
    throw failed(
      `Unable to complete the copy, the accumulated size increase of copy is ${root.copiedBytes}, exceeding the limit ${maxCopiedBytes}`,
    );
  }
  within("error while adding value during copy", () => target.add(cloneJson(value ?? null)));
}

function test(root: Root, operation: JsonObject): void {
  const path = pathOf(operation, "test");
  const place = path === "" ? undefined : find(root, path);
  if (path !== "" && place === undefined) {
    throw missing(`test operation does not apply: is missing path: ${path}`);
  }
  const actual = place === undefined ? root.document : within(`error in test for path: '${path}'`, () => place.get());
  if (!jsonEqual(actual ?? null, valueIn(operation))) throw failed(`testing value ${path} failed: test failed`);
}

function pathOf(operation: JsonObject, name: string): string {
  const path = operation["path"];
  if (typeof path === "string") return path;
  throw missing(`${name} operation failed to decode path: operation missing path field`);
}

function fromOf(operation: JsonObject, name: string): string {
  const from = operation["from"];
  if (typeof from === "string") return from;
  throw missing(`${name} operation failed to decode from: operation, missing from field`);
}

function valueIn(operation: JsonObject): JsonValue {
  return cloneJson(operation["value"] ?? null);
}

function failed(message: string): PatchError {
  return new PatchError(422, message);
}

function missing(message: string): PatchError {
  return failed(`${message}: missing value`);
}

/** Runs a step and says in its error what was being done. */
function within<T>(context: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof PatchError) throw failed(`${context}: ${error.message}`);
    throw error;
  }
}

/** The place a JSON pointer names: a container that is there, and a key or index that need not be. */
interface Place {
  readonly key: string;
  /** The value, undefined for an absent field. */
  get(): JsonValue | undefined;
  /** Overwrites a field, or an element that get has found. */
  set(value: JsonValue): void;
  /** Sets a field, or puts an element before the one at the index. */
  add(value: JsonValue): void;
  remove(): void;
}

/** What stands before the first slash is not looked at, as upstream. */
function find(root: Root, path: string): Place | undefined {
  const [, ...keys] = path.split("/").map((key) => key.replace(/~[01]/g, (code) => (code === "~1" ? "/" : "~")));
  const last = keys.pop();
  if (last === undefined) return undefined;
  let container: JsonValue | undefined = root.document;
  for (const key of keys) {
    const place = placeIn(container, key);
    if (place === undefined) return undefined;
    try {
      container = place.get();
    } catch (error) {
      if (error instanceof PatchError) return undefined;
      throw error;
    }
  }
  return placeIn(container, last);
}

function placeIn(container: JsonValue | undefined, key: string): Place | undefined {
  if (Array.isArray(container)) return elementPlace(container, key);
  return isJsonObject(container) ? fieldPlace(container, key) : undefined;
}

function fieldPlace(object: JsonObject, key: string): Place {
  return {
    key,
    get: () => getField(object, key),
    set: (value) => setField(object, key, value),
    add: (value) => setField(object, key, value),
    remove: () => {
      if (!Object.hasOwn(object, key)) throw missing(`Unable to remove nonexistent key: ${key}`);
      delete object[key];
    },
  };
}

function elementPlace(list: JsonValue[], key: string): Place {
  return {
    key,
    get: () => list[indexIn(key, list.length)],
    set: (value) => {
      list[indexIn(key, list.length)] = value;
    },
    add: (value) => {
      if (key === "-") list.push(value);
      else {
        const index = within(`value was not a proper array index: '${key}'`, () => parseIndex(key));
        list.splice(inBounds(index, list.length + 1), 0, value);
      }
    },
    remove: () => {
      list.splice(indexIn(key, list.length), 1);
    },
  };
}

function indexIn(key: string, length: number): number {
  return inBounds(parseIndex(key), length);
}

function inBounds(index: number, length: number): number {
  if (index >= length || index < -length) {
    throw failed(`Unable to access invalid index: ${index}: invalid index referenced`);
  }
  return index < 0 ? index + length : index;
}

function parseIndex(key: string): number {
  if (!/^[+-]?[0-9]+$/.test(key)) throw failed(`strconv.Atoi: parsing ${quote(key)}: invalid syntax`);
  const index = Number(key);
  if (!Number.isSafeInteger(index)) throw failed(`strconv.Atoi: parsing ${quote(key)}: value out of range`);
  return index === 0 ? 0 : index;
}
