import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";

/** Reading JSONSchemaProps as they are in a CustomResourceDefinition's spec: plain JSON, zero values absent. */

/** The schema of a property, undefined when there is none of that name. */
export function propertySchema(schema: JsonObject, name: string): JsonObject | undefined {
  const properties = schema["properties"];
  if (!isJsonObject(properties) || !Object.hasOwn(properties, name)) return undefined;
  const property = properties[name];
  return isJsonObject(property) ? property : undefined;
}

/** The properties with their schemas, in the order of the definition. */
export function propertySchemas(schema: JsonObject): [name: string, schema: JsonObject][] {
  const properties = schema["properties"];
  if (!isJsonObject(properties)) return [];
  return Object.entries(properties).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
}

/** The schema of all elements; undefined when there is none, or a list of schemas, which is not structural. */
export function itemsSchema(schema: JsonObject | undefined): JsonObject | undefined {
  const items = schema?.["items"];
  return isJsonObject(items) ? items : undefined;
}

/** The schema of additional properties; undefined for none and for a boolean. */
export function additionalSchema(schema: JsonObject): JsonObject | undefined {
  const additional = schema["additionalProperties"];
  return isJsonObject(additional) ? additional : undefined;
}

/** The schemas of allOf, anyOf or oneOf. */
export function junctorSchemas(schema: JsonObject, junctor: "allOf" | "anyOf" | "oneOf"): JsonObject[] {
  const schemas = schema[junctor];
  return Array.isArray(schemas) ? schemas.filter(isJsonObject) : [];
}

export function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

export function textsOf(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((element) => typeof element === "string") : [];
}

export function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : undefined;
}
