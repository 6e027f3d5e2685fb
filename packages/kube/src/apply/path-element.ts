import { canonicalJson, compareBytewise, isJsonObject, parseJson } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { quote } from "../quote.ts";

/**
 * One step of a path into an object: a field of a map, an element of a list by its keys, an element of a set by its
 * value, or an element by its index. Sets of fields hold it as text: `f:spec`, `k:{"name":"a"}`, `v:"x"`, `i:0`.
 */
export type PathElement = { f: string } | { k: JsonObject } | { v: JsonValue } | { i: number };

/** A step of a path that no server wrote (structured-merge-diff, fieldpath/serialize-pe.go). */
export class PathElementError extends Error {
  override name = "PathElementError";
}

/** The text of a step, the same for the same step. */
export function encodeElement(element: PathElement): string {
  if ("f" in element) return `f:${element.f}`;
  if ("k" in element) return `k:${canonicalJson(element.k)}`;
  return "v" in element ? `v:${canonicalJson(element.v)}` : `i:${element.i}`;
}

/**
 * Reads the text of a step.
 *
 * @returns undefined for steps of a kind that is not known, which readers pass over
 * @throws {PathElementError} for text that is no step.
 */
export function decodeElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new PathElementError("key must be 2 characters long:");
  if (text[1] !== ":") throw new PathElementError(`missing colon: ${text}`);
  const rest = text.slice(2);
  switch (text[0]) {
    case "f":
      return { f: rest };
    case "v":
      return { v: parsed(rest) };
    case "k": {
      const keys = parsed(rest);
      if (!isJsonObject(keys)) throw new PathElementError(`expect { or n, but found ${rest.slice(0, 1)}`);
      return { k: keys };
    }
    case "i": {
      if (!/^[+-]?\d+$/.test(rest)) throw new PathElementError(`strconv.Atoi: parsing ${quote(rest)}: invalid syntax`);
      return { i: Number(rest) };
    }
    default:
      return undefined;
  }
}

/** Shows a step as upstream does: `.spec`, `[name="a"]`, `[="x"]`, `[0]`. */
function formatElement(element: PathElement): string {
  if ("f" in element) return `.${element.f}`;
  if ("i" in element) return `[${element.i}]`;
  if ("v" in element) return `[=${formatValue(element.v)}]`;
  const names = Object.keys(element.k).sort(compareBytewise);
  return `[${names.map((name) => `${name}=${formatValue(element.k[name] ?? null)}`).join(",")}]`;
}

/** Shows a path as upstream does: `.spec.containers[name="a"].image`. */
export function formatPath(path: readonly PathElement[]): string {
  return path.map(formatElement).join("");
}

/** Shows an encoded step; see {@link formatElement}. */
export function formatEncoded(text: string): string {
  if (text.startsWith("f:")) return `.${text.slice(2)}`;
  return formatElement(decodeElement(text) ?? { f: text });
}

/** Orders encoded steps as upstream does: fields, keys, values, indexes. */
export function compareEncoded(a: string, b: string): number {
  if (a === b) return 0;
  if (a.startsWith("f") && b.startsWith("f")) return compareBytewise(a, b);
  const kind = kinds.indexOf(a.charAt(0)) - kinds.indexOf(b.charAt(0));
  if (kind !== 0) return kind;
  if (a.startsWith("i")) return Number(a.slice(2)) - Number(b.slice(2));
  // Most keys are like this, and need no reading.
  const [, key, value] = textKey.exec(a) ?? [];
  const [, otherKey, otherValue] = textKey.exec(b) ?? [];
  if (key === otherKey && value !== undefined && otherValue !== undefined) return compareBytewise(value, otherValue);
  const left = parsed(a.slice(2));
  const right = parsed(b.slice(2));
  return a.startsWith("k") && isJsonObject(left) && isJsonObject(right)
    ? compareKeys(left, right)
    : compareValues(left, right);
}

const kinds = "fkvi";
const textKey = /^k:\{"([\w.-]+)":"([\w ./-]*)"\}$/;

function compareKeys(a: JsonObject, b: JsonObject): number {
  const left = Object.keys(a).sort(compareBytewise);
  const right = Object.keys(b).sort(compareBytewise);
  for (let i = 0; ; i++) {
    const x = left[i];
    const y = right[i];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? -1 : 1;
    const order = compareBytewise(x, y) || compareValues(a[x] ?? null, b[y] ?? null);
    if (order !== 0) return order;
  }
}

/** Numbers, texts, booleans, lists, maps, null; see value.Compare of structured-merge-diff. */
function compareValues(a: JsonValue, b: JsonValue): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === "string" && typeof b === "string") return compareBytewise(a, b);
  if (typeof a === "object" || typeof b === "object") return compareBytewise(canonicalJson(a), canonicalJson(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

function rankOf(value: JsonValue): number {
  if (typeof value === "number" || typeof value === "bigint") return 0;
  if (typeof value === "string") return 1;
  if (typeof value === "boolean") return 2;
  return value === null ? 5 : Array.isArray(value) ? 3 : 4;
}

function formatValue(value: JsonValue): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return `[${value.map(formatValue).join(",")}]`;
  if (!isJsonObject(value)) return String(value);
  return Object.keys(value)
    .map((name) => `${name}=${formatValue(value[name] ?? null)}`)
    .join("");
}

function parsed(text: string): JsonValue {
  try {
    return parseJson(text).value;
  } catch (error) {
    throw new PathElementError((error as Error).message);
  }
}
