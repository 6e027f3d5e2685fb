import { isJsonObject, jsonEqual } from "../json.ts";
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
import { type FieldNode, hasChildren, leaf, type MutableFieldNode, unionOf } from "./field-node.ts";
import { FieldSet } from "./field-set.ts";
import { elementOf } from "./list-elements.ts";
import { SchemaProblems, scalarProblem } from "./schema-problems.ts";

export interface Comparison {
  /** Fields that only the second object has. */
  readonly added: FieldSet;
  /** Fields that only the first object has. */
  readonly removed: FieldSet;
  /** Leaves that differ. */
  readonly modified: FieldSet;
}

/**
 * Compares two values of a type (structured-merge-diff, typed/compare.go). Parts that are the same reference are not
 * looked at.
 *
 * @throws {ApplySchemaError} where neither value fits the type.
 */
export function compareObjects(a: JsonValue, b: JsonValue, schema: ApplySchema): Comparison {
  const problems = new SchemaProblems();
  const difference = compare(a, b, schema, problems);
  problems.check();
  return difference === undefined
    ? same
    : { added: setOf(difference.added), removed: setOf(difference.removed), modified: setOf(difference.modified) };
}

export function isSame({ added, removed, modified }: Comparison): boolean {
  return added.isEmpty() && removed.isEmpty() && modified.isEmpty();
}

const same: Comparison = { added: FieldSet.empty, removed: FieldSet.empty, modified: FieldSet.empty };

function setOf(node: FieldNode | undefined): FieldSet {
  return node === undefined || node === leaf ? FieldSet.empty : new FieldSet(node);
}

/** What differs at and below a step; the leaf where it is the step itself. */
interface Difference {
  added?: FieldNode;
  removed?: FieldNode;
  modified?: FieldNode;
}

const addedLeaf: Difference = { added: leaf };
const removedLeaf: Difference = { removed: leaf };
const modifiedLeaf: Difference = { modified: leaf };

type Value = JsonValue | undefined;

/** Undefined stands for a value that is not there: at most one of the two. */
function compare(a: Value, b: Value, schema: ApplySchema, problems: SchemaProblems): Difference | undefined {
  if (a === b) return undefined;
  const formA = formOf(schema, a);
  const formB = formOf(schema, b);
  if (b === undefined) return compareAs(firstForm(schema, formA), a, b, schema, problems);
  if (a === undefined || formA === formB) return compareAs(firstForm(schema, formB), a, b, schema, problems);
  const asA = compareAs(firstForm(schema, formA), a, b, schema, problems);
  const asB = compareAs(firstForm(schema, formB), a, b, schema, problems);
  return joined(asA, asB);
}

function compareAs(
  form: SchemaForm,
  a: Value,
  b: Value,
  schema: ApplySchema,
  problems: SchemaProblems,
): Difference | undefined {
  switch (form) {
    case "scalar": {
      const scalar = schema.scalar ?? "untyped";
      const problemA = scalarProblem(scalar, a);
      const problemB = scalarProblem(scalar, b);
      if (problemA === undefined || problemB === undefined) return compareLeaf(a, b);
      problems.add(`lhs: ${problemA}`);
      problems.add(`rhs: ${problemB}`);
      return undefined;
    }
    case "list": {
      const listA = Array.isArray(a) ? a : undefined;
      const listB = Array.isArray(b) ? b : undefined;
      const isEmpty = (listA?.length ?? 0) === 0 && (listB?.length ?? 0) === 0;
      if (schema.list === undefined || schema.list.atomic || isEmpty) return compareLeaf(a, b);
      const difference = new DifferenceBuilder(a, b);
      compareLists(listA ?? [], listB ?? [], schema.list, difference, problems);
      return difference.finish();
    }
    case "map": {
      const mapA = isJsonObject(a) ? a : undefined;
      const mapB = isJsonObject(b) ? b : undefined;
      const isEmpty = isEmptyMap(mapA) && isEmptyMap(mapB);
      if (schema.map === undefined || schema.map.atomic || isEmpty) return compareLeaf(a, b);
      const difference = new DifferenceBuilder(a, b);
      compareMaps(mapA, mapB, schema.map, difference, problems);
      return difference.finish();
    }
  }
}

function compareLeaf(a: Value, b: Value): Difference | undefined {
  if (a === undefined) return addedLeaf;
  if (b === undefined) return removedLeaf;
  return jsonEqual(a, b) ? undefined : modifiedLeaf;
}

function compareMaps(
  a: JsonObject | undefined,
  b: JsonObject | undefined,
  schema: MapSchema,
  difference: DifferenceBuilder,
  problems: SchemaProblems,
): void {
  const visit = (name: string, valueA: Value, valueB: Value): void => {
    const type = schema.field(name)?.schema ?? schema.element ?? deducedApplySchema();
    const since = problems.list.length;
    const below = compare(valueA, valueB, type, problems);
    if (problems.list.length > since) problems.under(`f:${name}`, since);
    if (below !== undefined) difference.add(`f:${name}`, below);
  };
  if (a !== undefined) {
    for (const name of Object.keys(a)) {
      const valueA = a[name];
      const valueB = b !== undefined && Object.hasOwn(b, name) ? b[name] : undefined;
      if (valueA !== valueB) visit(name, valueA, valueB);
    }
  }
  if (b === undefined) return;
  for (const name of Object.keys(b)) {
    const valueB = b[name];
    if (valueB === undefined || (a !== undefined && Object.hasOwn(a, name) && a[name] !== undefined)) continue;
    visit(name, undefined, valueB);
  }
}

function compareLists(
  a: readonly JsonValue[],
  b: readonly JsonValue[],
  schema: ListSchema,
  difference: DifferenceBuilder,
  problems: SchemaProblems,
): void {
  const elementsA = indexed(a, schema, problems);
  const elementsB = indexed(b, schema, problems);
  const visit = (element: string, valueA: Value, valueB: Value): void => {
    const since = problems.list.length;
    const below = compare(valueA, valueB, schema.element, problems);
    problems.under(element, since);
    if (below !== undefined) difference.add(element, below);
  };
  for (const [element, valuesA] of elementsA) {
    const valuesB = elementsB.get(element) ?? [];
    if (valuesA.length <= 1 && valuesB.length <= 1) visit(element, valuesA[0], valuesB[0]);
    else if (valuesA.length >= 2 && valuesB.length >= 2) {
      if (!jsonEqual(valuesA, valuesB)) difference.add(element, modifiedLeaf);
    } else if (valuesA.length >= 2) {
      if (valuesB.length > 0) visit(element, undefined, valuesB[0]);
      difference.add(element, removedLeaf);
    } else {
      visit(element, valuesA[0], undefined);
      difference.add(element, addedLeaf);
    }
  }
  for (const [element, valuesB] of elementsB) {
    if (elementsA.has(element)) continue;
    if (valuesB.length === 1) visit(element, undefined, valuesB[0]);
    else difference.add(element, addedLeaf);
  }
}

function indexed(list: readonly JsonValue[], schema: ListSchema, problems: SchemaProblems): Map<string, JsonValue[]> {
  const elements = new Map<string, JsonValue[]>();
  for (let index = 0; index < list.length; index++) {
    const value = list[index] as JsonValue;
    const element = elementOf(schema, value);
    if (typeof element !== "string") {
      problems.add(`element ${index}: ${element.problem}`);
      continue;
    }
    const known = elements.get(element);
    if (known === undefined) elements.set(element, [value]);
    else known.push(value);
  }
  return elements;
}

function isEmptyMap(map: JsonObject | undefined): boolean {
  for (const key in map) if (map[key] !== undefined) return false;
  return true;
}

/** Collects what differs below a step, which is added or removed itself where one side lacks it. */
class DifferenceBuilder {
  #added: MutableFieldNode | undefined;
  #removed: MutableFieldNode | undefined;
  #modified: MutableFieldNode | undefined;

  constructor(a: Value, b: Value) {
    if (a === undefined) this.#added = { ".": leaf };
    if (b === undefined) this.#removed = { ".": leaf };
  }

  add(element: string, { added, removed, modified }: Difference): void {
    if (added !== undefined) this.#added = put(this.#added, element, added);
    if (removed !== undefined) this.#removed = put(this.#removed, element, removed);
    if (modified !== undefined) this.#modified = put(this.#modified, element, modified);
  }

  finish(): Difference | undefined {
    const added = this.#added;
    const removed = this.#removed;
    const modified = this.#modified;
    if (added === undefined && removed === undefined && modified === undefined) return undefined;
    return {
      ...(added !== undefined && { added: hasChildren(added) ? added : leaf }),
      ...(removed !== undefined && { removed: hasChildren(removed) ? removed : leaf }),
      ...(modified !== undefined && { modified }),
    };
  }
}

function put(node: MutableFieldNode | undefined, element: string, below: FieldNode): MutableFieldNode {
  if (node === undefined) return { [element]: below };
  const known = node[element];
  node[element] = known === undefined ? below : unionOf(known, below, false);
  return node;
}

function joined(a: Difference | undefined, b: Difference | undefined): Difference | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const out: Difference = { ...a };
  for (const kind of ["added", "removed", "modified"] as const) {
    const theirs = b[kind];
    const mine = out[kind];
    if (theirs !== undefined) out[kind] = mine === undefined ? theirs : unionOf(mine, theirs, false);
  }
  return out;
}
