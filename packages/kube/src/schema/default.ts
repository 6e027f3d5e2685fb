import { cloneJson, isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { additionalSchema, itemsSchema, propertySchema, propertySchemas } from "./schema-node.ts";

/**
 * Fills in the defaults of a structural schema: for absent fields, and for nulls where the schema allows no null
 * (pkg/apiserver/schema/defaulting/algorithm.go). Changes the value.
 */
export function defaultBySchema(value: JsonValue | object | undefined, schema: JsonObject | undefined): void {
  if (schema === undefined || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) defaultElements(value, itemsSchema(schema));
  else defaultFields(value as JsonObject, schema);
}

function defaultFields(value: JsonObject, schema: JsonObject): void {
  for (const [name, property] of propertySchemas(schema)) {
    const fallback = property["default"];
    if (fallback === undefined || fallback === null) continue;
    if (!Object.hasOwn(value, name) || value[name] === undefined || isForbiddenNull(value[name], property)) {
      setField(value, name, cloneJson(fallback));
    }
  }
  const additional = additionalSchema(schema);
  for (const name of Object.keys(value)) {
    const property = propertySchema(schema, name);
    if (property !== undefined) defaultBySchema(value[name], property);
    else if (additional !== undefined) {
      if (isForbiddenNull(value[name], additional)) setField(value, name, cloneJson(additional["default"] ?? null));
      defaultBySchema(value[name], additional);
    }
  }
}

function defaultElements(list: JsonValue[], items: JsonObject | undefined): void {
  if (items === undefined) return;
  list.forEach((element, index) => {
    if (isForbiddenNull(element, items)) list[index] = cloneJson(items["default"] ?? null);
    defaultBySchema(list[index], items);
  });
}

function isForbiddenNull(value: JsonValue | undefined, schema: JsonObject): boolean {
  return value === null && schema["nullable"] !== true;
}

/**
 * Removes fields that are null where the schema allows no null and has no default; nulls with a default stay for
 * {@link defaultBySchema} (pkg/apiserver/schema/defaulting/prunenulls.go). Changes the value.
 */
export function pruneNullsBySchema(value: JsonValue | object | undefined, schema: JsonObject | undefined): void {
  if (schema === undefined || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    const items = itemsSchema(schema);
    for (const element of value) pruneNullsBySchema(element, items);
    return;
  }
  const object = value as JsonObject;
  for (const name of Object.keys(object)) {
    const below = propertySchema(schema, name) ?? additionalSchema(schema);
    if (below === undefined) continue;
    const hasDefault = below["default"] !== undefined && below["default"] !== null;
    if (isForbiddenNull(object[name], below) && !hasDefault) delete object[name];
    else if (isJsonObject(object[name]) || Array.isArray(object[name])) pruneNullsBySchema(object[name], below);
  }
}
