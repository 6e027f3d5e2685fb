import { getField, isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import {
  type ApplySchema,
  deducedApplySchema,
  firstForm,
  formOf,
  type ListSchema,
  type MapSchema,
  type SchemaForm,
} from "./apply-schema.ts";
import { elementOf } from "./list-elements.ts";
import { formatEncoded } from "./path-element.ts";
import { SchemaProblems, scalarProblem } from "./schema-problems.ts";

/**
 * Merges what is applied into the live value (structured-merge-diff, typed/merge.go): leaves are the applied ones,
 * lists have the applied order where they share elements, nothing is removed. Returns the live value itself when it
 * stays as it is; never changes its arguments.
 *
 * @throws {ApplySchemaError} for elements that cannot be told apart, and where neither value fits the type.
 */
export function mergeApplied(live: JsonValue, applied: JsonValue, schema: ApplySchema): JsonValue {
  const problems = new SchemaProblems();
  const merged = merge(live, applied, schema, problems);
  problems.check();
  return merged ?? null;
}

type Value = JsonValue | undefined;

function merge(live: Value, applied: Value, schema: ApplySchema, problems: SchemaProblems): Value {
  if (applied === undefined || live === applied) return live;
  if (live === undefined) return applied;
  const liveForm = formOf(schema, live);
  const appliedForm = formOf(schema, applied);
  if (liveForm !== appliedForm) mergeAs(firstForm(schema, liveForm), live, applied, schema, problems);
  return mergeAs(firstForm(schema, appliedForm), live, applied, schema, problems);
}

function mergeAs(
  form: SchemaForm,
  live: JsonValue,
  applied: JsonValue,
  schema: ApplySchema,
  problems: SchemaProblems,
): Value {
  switch (form) {
    case "scalar": {
      const scalar = schema.scalar ?? "untyped";
      const liveProblem = scalarProblem(scalar, live);
      const appliedProblem = scalarProblem(scalar, applied);
      if (liveProblem === undefined || appliedProblem === undefined) return applied;
      problems.add(`lhs: ${liveProblem}`);
      problems.add(`rhs: ${appliedProblem}`);
      return undefined;
    }
    case "list": {
      const liveList = Array.isArray(live) ? live : [];
      const appliedList = Array.isArray(applied) ? applied : [];
      const isEmpty = liveList.length === 0 && appliedList.length === 0;
      if (schema.list === undefined || schema.list.atomic || isEmpty) return applied;
      const merged = mergeLists(liveList, appliedList, schema.list, problems);
      if (merged === undefined || merged.length === 0) return undefined;
      const isLive = merged.length === liveList.length && merged.every((value, index) => value === liveList[index]);
      return isLive ? live : merged;
    }
    case "map": {
      const liveMap = isJsonObject(live) ? live : {};
      const appliedMap = isJsonObject(applied) ? applied : {};
      const isEmpty = Object.keys(liveMap).length === 0 && Object.keys(appliedMap).length === 0;
      if (schema.map === undefined || schema.map.atomic || isEmpty) return applied;
      return mergeMaps(liveMap, appliedMap, schema.map, problems);
    }
  }
}

function mergeMaps(live: JsonObject, applied: JsonObject, schema: MapSchema, problems: SchemaProblems): JsonObject {
  let out: JsonObject | undefined;
  for (const name of Object.keys(applied)) {
    const value = applied[name];
    if (value === undefined) continue;
    const known = getField(live, name);
    const since = problems.list.length;
    const type = schema.field(name)?.schema ?? schema.element ?? deducedApplySchema();
    const merged = merge(known, value, type, problems);
    problems.under(`f:${name}`, since);
    if (merged === known) continue;
    out ??= { ...live };
    if (merged === undefined) delete out[name];
    else setField(out, name, merged);
  }
  return out ?? live;
}

interface Indexed {
  elements: string[];
  /** Null for live elements that there are several of: they do not merge. */
  values: Map<string, JsonValue>;
}

function mergeLists(
  live: readonly JsonValue[],
  applied: readonly JsonValue[],
  schema: ListSchema,
  problems: SchemaProblems,
): JsonValue[] | undefined {
  const since = problems.list.length;
  const right = indexed(applied, schema, false, problems);
  const left = indexed(live, schema, true, problems);
  if (problems.list.length > since) return undefined;

  const shared = right.elements.filter((element) => left.values.has(element));
  let next = 0;
  const done = new Set<string>();
  const out: JsonValue[] = [];
  const take = (a: Value, b: Value): void => {
    // Upstream loses the errors of elements on the way.
    const merged = merge(a, b, schema.element, new SchemaProblems());
    if (merged !== undefined) out.push(merged);
  };
  for (let l = 0, r = 0; l < left.elements.length || r < right.elements.length; ) {
    const mine = left.elements[l];
    const theirs = right.elements[r];
    if (mine !== undefined && theirs !== undefined) {
      if (mine === theirs) {
        done.add(mine);
        take(left.values.get(mine), right.values.get(mine));
        l++;
        r++;
        next++;
        continue;
      }
      const wanted = shared[next];
      if (right.values.has(mine) && wanted !== undefined && wanted !== mine) {
        // It comes later, in the applied order.
        l++;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!right.values.has(mine)) {
        take(live[l], undefined);
        l++;
        continue;
      }
      if (done.has(mine)) l++;
    }
    if (theirs !== undefined) {
      done.add(theirs);
      take(left.values.get(theirs), right.values.get(theirs));
      r++;
      if (shared[next] === theirs) next++;
    }
  }
  return out;
}

function indexed(
  list: readonly JsonValue[],
  schema: ListSchema,
  allowDuplicates: boolean,
  problems: SchemaProblems,
): Indexed {
  const elements: string[] = [];
  const values = new Map<string, JsonValue>();
  for (const [index, value] of list.entries()) {
    const element = elementOf(schema, value);
    if (typeof element !== "string") {
      problems.add(`element ${index}: ${element.problem}`);
      continue;
    }
    const known = values.has(element);
    if (known && !allowDuplicates) {
      problems.add(`duplicate entries for key ${formatEncoded(element)}`);
      continue;
    }
    values.set(element, known ? null : value);
    elements.push(element);
  }
  return { elements, values };
}
