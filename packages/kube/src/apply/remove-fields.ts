import { isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import {
  type ApplySchema,
  deducedApplySchema,
  firstForm,
  formOf,
  type ListSchema,
  type MapSchema,
} from "./apply-schema.ts";
import { type FieldNode, hasChildren, isMember } from "./field-node.ts";
import type { FieldSet } from "./field-set.ts";
import { elementOf } from "./list-elements.ts";

/**
 * The value without the fields of the set (structured-merge-diff, typed/remove.go). As upstream's, a list or map that
 * loses all it has becomes null. Returns the value itself when the set is empty; never changes it.
 */
export function removeFields(value: JsonValue, schema: ApplySchema, set: FieldSet): JsonValue {
  return set.isEmpty() ? value : walk(value, schema, set.node, false);
}

/** The value with the fields of the set alone; null when it has none of them. */
export function extractFields(value: JsonValue, schema: ApplySchema, set: FieldSet): JsonValue {
  return walk(value, schema, set.node, true);
}

function walk(value: JsonValue, schema: ApplySchema, node: FieldNode, extract: boolean): JsonValue {
  switch (firstForm(schema, formOf(schema, value))) {
    case "scalar":
      return value;
    case "list":
      if (!Array.isArray(value) || value.length === 0) return null;
      if (schema.list === undefined || schema.list.atomic) return extract ? value : null;
      return walkList(value, schema.list, node, extract);
    case "map":
      if (!isJsonObject(value) || Object.keys(value).length === 0) return null;
      if (schema.map === undefined || schema.map.atomic) return extract ? value : null;
      return walkMap(value, schema.map, node, extract);
  }
}

function walkList(list: JsonValue[], schema: ListSchema, node: FieldNode, extract: boolean): JsonValue {
  const kept: JsonValue[] = [];
  for (const value of list) {
    const element = elementOf(schema, value);
    const below = typeof element === "string" ? node[element] : undefined;
    const member = below !== undefined && isMember(below);
    const children = below !== undefined && hasChildren(below);
    // Upstream takes a member out of the whole set first, then of what is below it: both stay in the list.
    if (member && !extract) continue;
    if (member) kept.push(walk(value, schema.element, node, true));
    if (children) kept.push(walk(value, schema.element, below, extract));
    else if (!extract) kept.push(value);
  }
  return kept.length > 0 ? kept : null;
}

function walkMap(map: JsonObject, schema: MapSchema, node: FieldNode, extract: boolean): JsonValue {
  const kept: JsonObject = {};
  let count = 0;
  for (const name of Object.keys(map)) {
    const value = map[name];
    if (value === undefined) continue;
    const type = schema.field(name)?.schema ?? schema.element ?? deducedApplySchema();
    const below = node[`f:${name}`];
    if (below !== undefined && isMember(below)) {
      if (!extract) continue;
      setField(kept, name, walk(value, type, node, true));
    } else if (below !== undefined) setField(kept, name, walk(value, type, below, extract));
    else if (extract) continue;
    else setField(kept, name, value);
    count++;
  }
  return count > 0 ? kept : null;
}
