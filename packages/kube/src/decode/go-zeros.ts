import type { JsonObject, JsonValue } from "../object.ts";
import type { FieldFacts, TypeRef } from "../types/facts.ts";

/** What Go's JSON encoder makes of values that nobody set. */

/** What the unions in schemas of custom resources hold. */
export const schemaStruct = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

export type Omission = (value: JsonValue) => boolean;

/** Does Go write the field even if nobody set it? omitempty does not omit structs. */
export function isAlwaysWritten(field: FieldFacts): boolean {
  if (!field.omitEmpty) return !field.omitZero;
  return !field.pointer && !field.omitZero && (field.type.type === "struct" || field.type.type === "special");
}

/** Whether Go leaves a field out that was given this value. */
export function omission(field: FieldFacts): Omission {
  if (field.omitZero) return (value) => value === null;
  if (!field.omitEmpty || field.pointer) return () => false;
  switch (field.type.type) {
    case "scalar":
      return (value) => value === "" || value === 0 || value === false || value === 0n;
    case "list":
      return (value) => (value as JsonValue[]).length === 0;
    case "map":
      return isEmptyMap;
    default:
      return () => false;
  }
}

function isEmptyMap(value: JsonValue): boolean {
  for (const _key in value as JsonObject) return false;
  return true;
}

/** What Go writes for a variable of the type that nobody set; of a struct that is an object, which the caller makes. */
export function zeroOf(type: Exclude<TypeRef, { type: "struct" }>): () => JsonValue {
  switch (type.type) {
    case "scalar": {
      const zero = type.scalar === "string" ? "" : type.scalar === "bool" ? false : type.scalar === "bytes" ? null : 0;
      return () => zero;
    }
    case "special": {
      const zero = type.special === "quantity" ? "0" : type.special === "intOrString" ? 0 : null;
      return () => zero;
    }
    default:
      return () => null;
  }
}
