import { isJsonObject, type JsonObject, type JsonValue } from "@podwright/kube";
import { type PathFilter, type PathStep, parseJsonPath } from "./json-path-parser.ts";

/** Finds values in an object. Fields and items that are not there are skipped. */
export type JsonPath = (root: JsonValue) => JsonValue[];

/**
 * Compiles a path as printer columns and selectable fields have it: `.spec.replicas`,
 * `.status.conditions[?(@.type=="Ready")].status`, `.spec.containers[*].image`
 * (k8s.io/client-go/util/jsonpath). Throws an Error that says what is wrong with the path.
 */
export function compileJsonPath(text: string): JsonPath {
  const steps = parseJsonPath(text);
  return (root) => evaluate(steps, [root]);
}

function evaluate(steps: readonly PathStep[], start: JsonValue[]): JsonValue[] {
  let values = start;
  for (const step of steps) {
    if (values.length === 0) return values;
    values = values.flatMap((value) => take(step, value));
  }
  return values;
}

function take(step: PathStep, value: JsonValue): JsonValue[] {
  switch (step.type) {
    case "field":
      return isJsonObject(value) && step.name in value ? [value[step.name] as JsonValue] : [];
    case "fields":
      return step.names.flatMap((name) => take({ type: "field", name }, value));
    case "wildcard":
      if (Array.isArray(value)) return value;
      return isJsonObject(value) ? (Object.values(value) as JsonValue[]) : [];
    case "descend":
      return descendants(value);
    case "indexes":
      return Array.isArray(value) ? step.indexes.flatMap((index) => itemAt(value, index)) : [];
    case "slice":
      return Array.isArray(value) ? slice(value, step) : [];
    case "filter":
      return Array.isArray(value) ? value.filter((item) => passes(step.filter, item)) : [];
  }
}

function itemAt(list: JsonValue[], index: number): JsonValue[] {
  const item = list.at(index);
  return item === undefined ? [] : [item];
}

function slice(list: JsonValue[], { start, end, step }: { start: number; end?: number; step: number }): JsonValue[] {
  const from = start < 0 ? Math.max(list.length + start, 0) : start;
  const to = end === undefined ? list.length : end < 0 ? list.length + end : Math.min(end, list.length);
  const items: JsonValue[] = [];
  for (let index = from; index < to; index += step) items.push(list[index] as JsonValue);
  return items;
}

function descendants(value: JsonValue): JsonValue[] {
  const children = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value as JsonObject) : [];
  return [value, ...children.flatMap((child) => (child === undefined ? [] : descendants(child)))];
}

function passes(filter: PathFilter, item: JsonValue): boolean {
  const left = operand(filter.left, item);
  if (filter.operator === "exists") return left !== undefined;
  const right = operand(filter.right, item);
  if (left === undefined || right === undefined) return false;
  return compare(filter.operator, left, right);
}

function operand(side: PathFilter["left"], item: JsonValue): JsonValue | undefined {
  return side.type === "literal" ? side.value : evaluate(side.steps, [item])[0];
}

function compare(operator: string, left: JsonValue, right: JsonValue): boolean {
  const a = typeof left === "bigint" ? Number(left) : left;
  const b = typeof right === "bigint" ? Number(right) : right;
  if (operator === "==") return a === b;
  if (operator === "!=") return a !== b;
  if (typeof a !== typeof b || (typeof a !== "number" && typeof a !== "string")) return false;
  const order = a < (b as typeof a) ? -1 : a > (b as typeof a) ? 1 : 0;
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    default:
      return order >= 0;
  }
}
