import { Cidr } from "./address-library.ts";
import { NamedFormat } from "./named-format-library.ts";

/** The name that `matches` has in a compiled expression (program.ts): the package's own could be made to hang. */
export const matchesFunction = "matchesRe2";

/** What running through a text costs for each of its characters, and through a pattern (cel-go common/cost.go). */
export const stringFactor = 0.1;
export const patternFactor = 0.25;
export const listCost = 10;
export const mapCost = 30;

/**
 * What a call has cost (k8s.io/apiserver/pkg/cel/library/cost.go, CallCost, and cel-go's interpreter/runtimecost.go).
 *
 * @param name of the function; "sets.contains" where it stands in a namespace
 * @param args the receiver first, where there is one
 */
export function callCost(name: string, args: readonly unknown[], result: unknown): number {
  const [first, second] = args;
  const once = () => traversal(sizeOf(first));
  switch (name) {
    case "check":
      return 350_000;
    case "isSorted":
    case "sum":
    case "max":
    case "min":
    case "indexOf":
    case "lastIndexOf":
      return contentCost(first);
    case "url":
    case "lowerAscii":
    case "upperAscii":
    case "substring":
    case "trim":
    case "cidr":
    case "isIP":
    case "isCIDR":
    case "quantity":
    case "isQuantity":
    case "semver":
    case "isSemver":
    case "startsWith":
    case "endsWith":
    case "strings.quote":
      return once();
    case "format":
      return once();
    case "ip":
      return first instanceof Cidr ? 1 : once();
    case "bytes":
      return typeof first === "string" ? once() : 1;
    case "string":
      return first instanceof Uint8Array ? once() : 1;
    case "replace":
    case "split":
    case "ip.isCanonical":
      return Math.ceil(sizeOf(first) * 2 * stringFactor);
    case "join":
      return Math.ceil(sizeOf(result) * 2 * stringFactor);
    case "find":
    case "findAll":
    case matchesFunction:
      return patternCost(sizeOf(first), sizeOf(second));
    case "contains":
      return once() * traversal(sizeOf(second));
    case "validate":
      return first instanceof NamedFormat ? patternCost(sizeOf(second), first.patternSize) : 1;
    case "containsIP":
      return traversal(sizeOf(first) * 2) + parsing(second);
    case "containsCIDR":
      return traversal(sizeOf(first) * 2) + once() + 1 + parsing(second);
    default:
      return listCallCost(name, args, result);
  }
}

/** What the functions of cel-go's ext/lists.go and ext/sets.go cost. */
function listCallCost(name: string, [first, second]: readonly unknown[], result: unknown): number {
  switch (name) {
    case "sets.contains":
    case "sets.intersects":
      return 1 + sizeOf(first) * sizeOf(second);
    case "sets.equivalent":
      return 1 + sizeOf(first) * sizeOf(second) * 2;
    case "slice":
    case "lists.range":
    case "reverse":
      return 1 + listCost + sizeOf(result);
    case "flatten":
      return 1 + listCost + sizeOf(first) * (second === undefined ? 1 : Number(second));
    case "distinct":
    case "sort":
      return comparedToItself(first as unknown[]);
    default:
      return 1;
  }
}

/** What sorting, or finding what is there twice, costs. */
export function comparedToItself(list: readonly unknown[]): number {
  const factor = typeof list[0] === "string" || list[0] instanceof Uint8Array ? 2 + stringFactor : 2;
  return 1 + listCost + Math.floor(list.length * list.length * factor);
}

/** What an operator costs whose operands may be texts or lists. */
export function operatorCost(operator: string, left: unknown, right: unknown): number {
  switch (operator) {
    case "==":
    case "!=":
      return traversal(Math.min(sizeOf(left), sizeOf(right)));
    case "<":
    case "<=":
    case ">":
    case ">=":
      return isText(left) ? traversal(Math.min(sizeOf(left), sizeOf(right))) : 1;
    case "+":
      return isText(left) ? traversal(sizeOf(left) + sizeOf(right)) : 1;
    case "in":
      return Array.isArray(right) ? right.length : 1;
    default:
      return 1;
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" || value instanceof Uint8Array;
}

function traversal(size: number): number {
  return Math.ceil(size * stringFactor);
}

function parsing(value: unknown): number {
  return typeof value === "string" ? traversal(sizeOf(value)) : 0;
}

function patternCost(size: number, patternSize: number): number {
  return traversal(1 + size) * Math.ceil(patternSize * patternFactor);
}

/** What size() says of a value; 1 for what has none. */
function sizeOf(value: unknown): number {
  if (typeof value === "string") return characters(value);
  if (typeof value !== "object" || value === null) return 1;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (value instanceof Map || value instanceof Set) return value.size;
  if (value instanceof Cidr) return Math.ceil(value.length / 8);
  if (value.constructor === Object || value.constructor === undefined) return Object.keys(value).length;
  const optional = value as { hasValue?: () => boolean; value?: () => unknown };
  return typeof optional.hasValue === "function" && optional.hasValue() ? sizeOf(optional.value?.()) : 1;
}

function characters(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    // The second half of a character that UTF-16 writes in two.
    const unit = text.charCodeAt(index);
    if (unit >= 0xdc00 && unit <= 0xdfff) count--;
  }
  return count;
}

/** What running through all that a value holds costs. */
function contentCost(value: unknown): number {
  if (typeof value === "string") return Math.floor(Buffer.byteLength(value) * stringFactor);
  if (value instanceof Uint8Array) return Math.floor(value.length * stringFactor);
  if (Array.isArray(value)) return value.reduce((sum: number, element) => sum + contentCost(element), 0);
  if (value instanceof Map)
    return [...value].reduce((sum, [key, each]) => sum + contentCost(key) + contentCost(each), 0);
  if (typeof value === "object" && value?.constructor === Object) return contentCost(new Map(Object.entries(value)));
  return 1;
}
