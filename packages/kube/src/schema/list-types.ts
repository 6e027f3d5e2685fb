import { type FieldError, fieldError } from "../field-error.ts";
import { canonicalJson, isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { additionalSchema, itemsSchema, propertySchema, textsOf } from "./schema-node.ts";

/**
 * Checks that lists of x-kubernetes-list-type set have no element twice, and those of type map no keys twice
 * (pkg/apiserver/schema/listtype/validation.go).
 *
 * @param path of the value, "" for the root
 */
export function validateListTypes(value: JsonValue | undefined, schema: JsonObject, path: string): FieldError[] {
  if (Array.isArray(value)) return validateList(value, schema, path);
  if (!isJsonObject(value)) return [];
  const additional = additionalSchema(schema);
  const errors: FieldError[] = [];
  for (const [name, field] of Object.entries(value)) {
    const property = propertySchema(schema, name);
    if (property !== undefined)
      errors.push(...validateListTypes(field, property, path === "" ? name : `${path}.${name}`));
    else if (additional !== undefined) errors.push(...validateListTypes(field, additional, `${path}[${name}]`));
  }
  return errors;
}

function validateList(list: JsonValue[], schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const listType = schema["x-kubernetes-list-type"];
  if (listType === "set") {
    for (const index of repeated(list)) errors.push(fieldError.duplicate(`${path}[${index}]`, list[index]));
  } else if (listType === "map") {
    errors.push(...validateMapList(list, textsOf(schema["x-kubernetes-list-map-keys"]), path));
  }
  const items = itemsSchema(schema);
  if (items !== undefined) {
    list.forEach((element, index) => {
      errors.push(...validateListTypes(element, items, `${path}[${index}]`));
    });
  }
  return errors;
}

function validateMapList(list: JsonValue[], keys: string[], path: string): FieldError[] {
  const wrong = list.findIndex((element) => element !== null && !isJsonObject(element));
  if (wrong >= 0) {
    const detail = "must be an object for an array of list-type map";
    return [fieldError.invalid(`${path}[${wrong}]`, list[wrong], detail)];
  }
  const identities = list.map((element): JsonObject => {
    const identity: JsonObject = {};
    for (const key of keys) {
      const value = isJsonObject(element) ? element[key] : undefined;
      if (value !== undefined) identity[key] = value;
    }
    return identity;
  });
  return repeated(identities).map((index) => fieldError.duplicate(`${path}[${index}]`, identities[index]));
}

/** The indexes of elements at their first repetition. */
function repeated(list: readonly JsonValue[]): number[] {
  const seen = new Map<string, number>();
  const indexes: number[] = [];
  list.forEach((element, index) => {
    const text = canonicalJson(element);
    const times = seen.get(text) ?? 0;
    if (times === 1) indexes.push(index);
    seen.set(text, times + 1);
  });
  return indexes;
}
