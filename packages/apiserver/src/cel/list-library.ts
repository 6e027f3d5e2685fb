import type { Environment } from "./environment.ts";
import { optionalOf, optionalValue } from "./optional-value.ts";
import { isEqual } from "./sets-library.ts";

class ListsNamespace {}

type Ordered = bigint | number | string;

/**
 * What lists can do besides CEL's own: sums and extremes (k8s.io/apiserver/pkg/cel/library/lists.go), slice, flatten,
 * sort and the like (cel-go's ext/lists.go), and what is about optionals. sortBy is among the macros.
 */
export function registerLists(environment: Environment): Environment {
  const at = (list: unknown[], item: unknown, index: number): bigint =>
    BigInt(
      index === 0 ? list.findIndex((each) => isEqual(each, item)) : list.findLastIndex((each) => isEqual(each, item)),
    );
  const present = (list: unknown[]) => list.map(optionalValue).filter((each) => each !== undefined);
  return environment
    .registerFunction("list.isSorted(): bool", (list: Ordered[]) =>
      list.every((item, index) => index === 0 || (list[index - 1] as Ordered) <= item),
    )
    .registerFunction("list.sum(): dyn", (list: (bigint | number)[]) =>
      list.reduce((sum, item) => (sum as number) + (item as number), typeof list[0] === "number" ? 0 : 0n),
    )
    .registerFunction("list.min(): dyn", (list: Ordered[]) => extreme(list, (a, b) => a < b))
    .registerFunction("list.max(): dyn", (list: Ordered[]) => extreme(list, (a, b) => a > b))
    .registerFunction("list.indexOf(dyn): int", (list: unknown[], item: unknown) => at(list, item, 0))
    .registerFunction("list.lastIndexOf(dyn): int", (list: unknown[], item: unknown) => at(list, item, -1))
    .registerFunction("list<A>.slice(int, int): list<A>", slice)
    .registerFunction("list.flatten(): list<dyn>", (list: unknown[]) => list.flat(1))
    .registerFunction("list.flatten(int): list<dyn>", (list: unknown[], depth: bigint) => {
      if (depth < 0n) throw new Error("level must be non-negative");
      return list.flat(Number(depth));
    })
    .registerFunction("list<A>.sort(): list<A>", (list: unknown[]) => sortedBy(list, list))
    .registerFunction("list<A>.reverse(): list<A>", (list: unknown[]) => [...list].reverse())
    .registerFunction("list<A>.distinct(): list<A>", distinct)
    .registerType("ext.lists", { ctor: ListsNamespace, fields: {} })
    .registerConstant("lists", "ext.lists", new ListsNamespace())
    .registerFunction("ext.lists.range(int): list<int>", (_lists: ListsNamespace, count: bigint) =>
      Array.from({ length: Math.max(0, Math.min(Number(count), maxRange)) }, (_unused, index) => BigInt(index)),
    )
    .registerOperator("optional == optional", (a: unknown, b: unknown) => isEqual(optionalValue(a), optionalValue(b)))
    .registerFunction("list<A>.first(): optional<A>", (list: unknown[]) => optionalOf(list[0]))
    .registerFunction("list<A>.last(): optional<A>", (list: unknown[]) => optionalOf(list.at(-1)))
    .registerFunction("list<dyn>.unwrapOpt(): list<dyn>", present)
    .registerFunction("OptionalNamespace.unwrap(list): list<dyn>", (_optional: unknown, list: unknown[]) =>
      present(list),
    )
    .registerFunction("OptionalNamespace.ofNonZeroValue(A): optional<A>", (_optional: unknown, value: unknown) =>
      optionalOf(isZero(value) ? undefined : value),
    );
}

/** More would cost more than an expression may. */
const maxRange = 1_000_001;

/** The list in the order of its keys, which are of one type. */
export function sortedBy(list: readonly unknown[], keys: readonly unknown[]): unknown[] {
  const [first] = keys;
  if (keys.some((key) => typeof key !== typeof first)) throw new Error("list elements must have the same type");
  const order = (a: unknown, b: unknown): number =>
    (a as Ordered) < (b as Ordered) ? -1 : (a as Ordered) > (b as Ordered) ? 1 : 0;
  return list
    .map((item, index) => ({ item, key: keys[index] }))
    .sort((a, b) => order(a.key, b.key))
    .map(({ item }) => item);
}

function extreme(list: readonly Ordered[], isBetter: (a: Ordered, b: Ordered) => boolean): Ordered {
  const [first, ...rest] = list;
  if (first === undefined) throw new Error("min/max called on an empty list");
  return rest.reduce((best, item) => (isBetter(item, best) ? item : best), first);
}

function slice(list: unknown[], start: bigint, end: bigint): unknown[] {
  const fail = (why: string) => new Error(`cannot slice(${start}, ${end}), ${why}`);
  if (start < 0n || end < 0n) throw fail("negative indexes not supported");
  if (start > end) throw fail("start index must be less than or equal to end index");
  if (list.length < end) throw fail(`list is length ${list.length}`);
  return list.slice(Number(start), Number(end));
}

function distinct(list: unknown[]): unknown[] {
  const found: unknown[] = [];
  for (const item of list) if (!found.some((each) => isEqual(each, item))) found.push(item);
  return found;
}

function isZero(value: unknown): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === "") return true;
  if (value instanceof Map) return value.size === 0;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  return typeof value === "object" && value?.constructor === Object && Object.keys(value).length === 0;
}
