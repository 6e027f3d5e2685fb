import { listCost, patternFactor, stringFactor } from "../call-cost.ts";
import type { Expression, Type } from "./expression.ts";
import { add, fixed, most, multiply, product, type Range, scaled, sum, unknownSize } from "./range.ts";

/** What a call costs at most, besides what its arguments do, and how large what it gives is. */
export interface CallEstimate {
  cost: number;
  size?: Range;
}

/** What is known of a call's arguments. */
export interface Sizes {
  of(expression: Expression): Range;
  /** Of a list's items, where it is known whose they are. */
  ofItems(list: Expression): Range;
}

/**
 * k8s.io/apiserver/pkg/cel/library/cost.go, EstimateCallCost, the estimates of cel-go's ext/lists.go and ext/sets.go,
 * and checker/cost.go for the functions that are CEL's own. Operators are the caller's.
 */
export function estimateCall(
  name: string,
  target: Expression | undefined,
  args: readonly Expression[],
  sizes: Sizes,
): CallEstimate {
  const [first, second] = args;
  const size = (expression: Expression | undefined): Range =>
    expression === undefined ? unknownSize : sizes.of(expression);
  const traversed = (range: Range, factor = 1): number => scaled(range.max, stringFactor * factor);
  switch (name) {
    case "isSorted":
    case "sum":
    case "max":
    case "min":
    case "indexOf":
    case "lastIndexOf":
      return target === undefined ? { cost: 1 } : { cost: traversal(target, sizes) };
    case "url":
      return { cost: traversed(size(first)), size: size(first) };
    case "lowerAscii":
    case "upperAscii":
    case "substring":
    case "trim":
      return { cost: traversed(size(target)), size: size(target) };
    case "replace":
      return { cost: traversed(size(target), 2), size: replacedSize(size(target), size(first), size(second)) };
    case "split": {
      const limit = second?.is === "literal" && typeof second.value === "bigint" ? Number(second.value) : undefined;
      // A negative one is a very large one, as upstream has it.
      const max = limit === undefined ? size(target).max : limit < 0 ? most : limit;
      return { cost: traversed(size(target), 2), size: { min: 0, max } };
    }
    case "join":
      return joined(target, first, sizes);
    case "find":
    case "findAll":
      return { cost: pattern(size(target), size(first)), size: { min: 0, max: size(target).max } };
    case "matches":
      return { cost: pattern(size(target), size(first)) };
    case "contains":
      return { cost: product(traversed(size(target)), traversed(size(first))) };
    case "startsWith":
    case "endsWith":
    case "cidr":
    case "isIP":
    case "isCIDR":
    case "quantity":
    case "isQuantity":
    case "semver":
    case "isSemver":
      return { cost: traversed(size(first)) };
    case "ip":
      return { cost: target === undefined ? traversed(size(first)) : 1 };
    case "ip.isCanonical":
      return { cost: traversed(size(first), 2) };
    case "containsIP":
      return { cost: sum(scaled(32, stringFactor), parsed(first, size)) };
    case "containsCIDR":
      return { cost: sum(scaled(32, stringFactor), scaled(16, stringFactor), 1, parsed(first, size)) };
    case "validate":
      return { cost: scaled(traversed(size(first)), 128 * patternFactor) };
    case "format":
      return { cost: traversed(size(target)) };
    case "strings.quote": {
      const range = size(first);
      return { cost: traversed(range), size: { min: range.min + 2, max: sum(product(range.max, 2), 2) } };
    }
    case "bytes":
      return first?.type.kind === "string"
        ? { cost: traversed(size(first)), size: { min: size(first).min, max: product(size(first).max, 4) } }
        : { cost: 1 };
    case "string":
      return first?.type.kind === "bytes" || first?.type.kind === "dyn"
        ? { cost: traversed(size(first)), size: { min: Math.floor(size(first).min / 4), max: size(first).max } }
        : { cost: 1 };
    default:
      return estimateListCall(name, target, args, sizes);
  }
}

function estimateListCall(
  name: string,
  target: Expression | undefined,
  args: readonly Expression[],
  sizes: Sizes,
): CallEstimate {
  const [first, second] = args;
  const size = target === undefined ? unknownSize : sizes.of(target);
  const allocating = (factor: number, range: Range): CallEstimate => ({
    cost: sum(scaled(range.max, factor), 1, listCost),
    size: range,
  });
  const compared = (range: Range, type: Type | undefined) =>
    allocating(type?.kind === "string" || type?.kind === "bytes" ? 2 + stringFactor : 2, multiply(range, range));
  switch (name) {
    case "sets.contains":
    case "sets.intersects":
    case "sets.equivalent": {
      if (first === undefined || second === undefined) return { cost: 1 };
      const pairs = product(sizes.of(first).max, sizes.of(second).max);
      return { cost: sum(1, product(pairs, name === "sets.equivalent" ? 2 : 1)) };
    }
    case "slice": {
      const [start, end] = [numberOf(first, 0), numberOf(second, size.max)];
      return allocating(1, fixed(end < start ? most : end - start));
    }
    case "lists.range":
      return allocating(1, fixed(numberOf(first, most)));
    case "reverse":
      return allocating(1, size);
    case "flatten":
      return allocating(first === undefined ? 1 : numberOf(first, most), size);
    case "distinct":
      return allocating(2, multiply(size, size));
    case "sort":
      return compared(size, target?.type.valueType);
    case "@sortByAssociatedKeys":
      return first === undefined ? { cost: 1 } : compared(sizes.of(first), first.type.valueType);
    default:
      return { cost: 1 };
  }
}

function numberOf(expression: Expression | undefined, otherwise: number): number {
  if (expression?.is !== "literal" || typeof expression.value !== "bigint") return otherwise;
  return Math.max(0, Number(expression.value));
}

/** Of a list, each item compared once; of a text, its characters. */
function traversal(target: Expression, sizes: Sizes): number {
  const count = sizes.of(target).max;
  const item = target.type.kind === "list" ? target.type.valueType : undefined;
  if (item === undefined) return scaled(count, stringFactor);
  const isText = item.kind === "string" || item.kind === "bytes";
  return product(count, isText ? sum(1, scaled(sizes.ofItems(target).max, stringFactor)) : 1);
}

function pattern(text: Range, expression: Range): number {
  return product(scaled(sum(text.max, 1), stringFactor), scaled(expression.max, patternFactor));
}

/** What a text that is to be an address costs. */
function parsed(argument: Expression | undefined, size: (expression: Expression) => Range): number {
  return argument?.type.kind === "string" ? scaled(size(argument).max, stringFactor) : 0;
}

function joined(target: Expression | undefined, separator: Expression | undefined, sizes: Sizes): CallEstimate {
  if (target === undefined) return { cost: 1 };
  const count = sizes.of(target);
  let size = target.type.valueType === undefined ? fixed(0) : multiply(count, sizes.ofItems(target));
  if (separator !== undefined) {
    const between = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
    size = add(size, multiply(sizes.of(separator), between));
  }
  return { cost: scaled(size.max, stringFactor), size };
}

/** How long a text is after replace(). */
function replacedSize(text: Range, from: Range, to: Range): Range {
  const count = fixed(0);
  const kept = fixed(0);
  if (from.min === 0) {
    count.max = sum(text.max, 1);
    kept.max = text.max;
  } else if (to.max <= from.min) kept.max = text.max;
  else count.max = Math.ceil(text.max / from.min);
  if (from.max === 0) {
    count.min = sum(text.min, 1);
    kept.min = text.min;
  } else if (from.max <= to.min) kept.min = text.min;
  else count.min = Math.ceil(text.min / from.max);
  return add(multiply(count, to), kept);
}
