import { type FieldError, fieldError } from "../field-error.ts";
import type { JsonObject } from "../object.ts";
import { itemsSchema, propertySchema, textOf, textsOf } from "./schema-node.ts";

const extension = "x-kubernetes-list-type";
const keysExtension = "x-kubernetes-list-map-keys";

/** The rules for x-kubernetes-list-type and x-kubernetes-list-map-keys of one schema. */
export function listTypeErrors(schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const listType = schema[extension];
  const keys = textsOf(schema[keysExtension]);
  if (listType !== undefined) {
    const type = textOf(schema["type"]);
    if (type === "") {
      errors.push(fieldError.required(`${path}.type`, `must be array if ${extension} is specified`));
    } else if (type !== "array") {
      errors.push(fieldError.invalid(`${path}.type`, type, `must be array if ${extension} is specified`));
    } else if (listType === "set") errors.push(...setErrors(schema, path));
    if (listType !== "atomic" && listType !== "set" && listType !== "map") {
      errors.push(fieldError.notSupported(`${path}.${extension}`, listType, ["atomic", "set", "map"]));
    }
  }
  if (keys.length > 0 && listType !== "map") {
    const detail = `must be map if ${keysExtension} is non-empty`;
    const at = `${path}.${extension}`;
    errors.push(listType === undefined ? fieldError.required(at, detail) : fieldError.invalid(at, listType, detail));
  }
  if (listType === "map") errors.push(...mapErrors(schema, keys, path));
  if (listType === "map" || listType === "set") errors.push(...itemErrors(schema, listType, keys, path));
  return errors;
}

/** Elements of sets are compared as a whole, so nothing may own a part of one. */
function setErrors(schema: JsonObject, path: string): FieldError[] {
  const items = itemsSchema(schema);
  const detail = `must be atomic as item of a list with ${extension}=set`;
  const itemListType = items?.[extension];
  if (items?.["type"] === "array" && itemListType !== undefined && itemListType !== "atomic") {
    return [fieldError.invalid(`${path}.items.${extension}`, itemListType, detail)];
  }
  if (items?.["type"] === "object" && items["x-kubernetes-map-type"] !== "atomic") {
    // Upstream shows the list type here.
    return [fieldError.invalid(`${path}.items.x-kubernetes-map-type`, itemListType ?? null, detail)];
  }
  return [];
}

function mapErrors(schema: JsonObject, keys: string[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (keys.length === 0) {
    errors.push(fieldError.required(`${path}.${keysExtension}`, `must not be empty if ${extension} is map`));
  }
  const items = itemsSchema(schema);
  if (items === undefined) {
    const { items: wrong } = schema;
    errors.push(
      wrong === undefined
        ? fieldError.required(`${path}.items`, `must have a schema if ${extension} is map`)
        : fieldError.invalid(`${path}.items`, wrong, `must only have a single schema if ${extension} is map`),
    );
    return errors;
  }
  if (items["type"] !== "object") {
    const detail = `must be object if parent array's ${extension} is map`;
    return [...errors, fieldError.invalid(`${path}.items.type`, textOf(items["type"]), detail)];
  }
  const seen = new Set<string>();
  for (const key of keys) {
    const property = propertySchema(items, key);
    if (property === undefined) {
      const detail = "entries must all be names of item properties";
      errors.push(fieldError.invalid(`${path}.${keysExtension}`, keys, detail));
    } else if (property["type"] === "array" || property["type"] === "object") {
      const detail = `must be a scalar type if parent array's ${extension} is map`;
      errors.push(fieldError.invalid(`${path}.items.properties[${key}].type`, "object", detail));
    }
    if (seen.has(key)) {
      errors.push(fieldError.invalid(`${path}.${keysExtension}`, keys, "must not contain duplicate entries"));
    }
    seen.add(key);
  }
  return errors;
}

/** Elements that are told apart must be there, and so must their keys. */
function itemErrors(schema: JsonObject, listType: "map" | "set", keys: string[], path: string): FieldError[] {
  const items = itemsSchema(schema);
  if (items === undefined) return [];
  const errors: FieldError[] = [];
  if (items["nullable"] === true) {
    errors.push(fieldError.forbidden(`${path}.items.nullable`, `cannot be nullable when ${extension} is ${listType}`));
  }
  if (listType === "set") return errors;
  const required = textsOf(items["required"]);
  for (const key of keys) {
    const property = propertySchema(items, key);
    if (property === undefined) continue;
    const at = `${path}.items.properties[${key}]`;
    if (!required.includes(key) && (property["default"] === undefined || property["default"] === null)) {
      const detail = `this property is in ${keysExtension}, so it must have a default or be a required property`;
      errors.push(fieldError.required(`${at}.default`, detail));
    }
    if (property["nullable"] === true) {
      const detail = `this property is in ${keysExtension}, so it cannot be nullable`;
      errors.push(fieldError.forbidden(`${at}.nullable`, detail));
    }
  }
  return errors;
}
