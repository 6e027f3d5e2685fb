import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import {
  type ApplySchema,
  deducedApplySchema,
  firstForm,
  formOf,
  type ListSchema,
  type MapSchema,
} from "./apply-schema.ts";
import { asMember, type FieldNode, leaf, type MutableFieldNode } from "./field-node.ts";
import { FieldSet } from "./field-set.ts";
import { elementOf } from "./list-elements.ts";

/**
 * The fields that a value has: its scalars, atomic lists and maps, elements of lists, empty maps and fields that its
 * type does not declare (structured-merge-diff, typed/tofieldset.go).
 */
export function fieldSetOf(value: JsonValue, schema: ApplySchema): FieldSet {
  const node = nodeOf(value, schema);
  return node === undefined || node === leaf ? FieldSet.empty : new FieldSet(node);
}

/** Undefined when the value has no fields; the leaf when it is one itself. */
function nodeOf(value: JsonValue, schema: ApplySchema): FieldNode | undefined {
  switch (firstForm(schema, formOf(schema, value))) {
    case "scalar":
      return leaf;
    case "list":
      if (schema.list === undefined || schema.list.atomic) return leaf;
      return Array.isArray(value) ? nodeOfList(value, schema.list) : undefined;
    case "map":
      if (schema.map === undefined || schema.map.atomic) return leaf;
      return isJsonObject(value) ? nodeOfMap(value, schema.map) : undefined;
  }
}

function nodeOfList(list: JsonValue[], schema: ListSchema): FieldNode | undefined {
  let node: MutableFieldNode | undefined;
  const duplicates = new Set<string>();
  const elements = list.map((value) => {
    const element = elementOf(schema, value);
    return typeof element === "string" ? element : undefined;
  });
  if (new Set(elements).size < elements.length) {
    const seen = new Set<string>();
    for (const element of elements) {
      if (element === undefined) continue;
      if (seen.has(element)) duplicates.add(element);
      seen.add(element);
    }
  }
  for (const [index, value] of list.entries()) {
    const element = elements[index];
    if (element === undefined) continue;
    node ??= {};
    node[element] = duplicates.has(element) ? leaf : asMember(nodeOf(value, schema.element));
  }
  return node;
}

function nodeOfMap(map: JsonObject, schema: MapSchema): FieldNode | undefined {
  let node: MutableFieldNode | undefined;
  for (const name of Object.keys(map)) {
    const value = map[name];
    if (value === undefined) continue;
    const field = schema.field(name);
    let child = nodeOf(value, field?.schema ?? schema.element ?? deducedApplySchema());
    if (field === undefined || value === null || isEmptyMap(value)) child = asMember(child);
    if (child === undefined) continue;
    node ??= {};
    node[`f:${name}`] = child;
  }
  return node;
}

function isEmptyMap(value: JsonValue): boolean {
  if (!isJsonObject(value)) return false;
  for (const key in value) if (value[key] !== undefined) return false;
  return true;
}
