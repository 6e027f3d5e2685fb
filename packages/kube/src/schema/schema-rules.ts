import { type FieldError, fieldError } from "../field-error.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { listTypeErrors } from "./list-type-rules.ts";
import { additionalSchema, itemsSchema, junctorSchemas, propertySchemas, textOf } from "./schema-node.ts";
import { validationRuleErrors } from "./validation-rules.ts";

const types = ["array", "boolean", "integer", "number", "object", "string"];
const metaFields: ReadonlySet<string> = new Set(["metadata", "kind", "apiVersion"]);

/** Where in a schema the walk is. */
interface Place {
  root: boolean;
  insideMeta: boolean;
  /** Why there may be no default here; undefined where there may be one. */
  noDefaults?: string | undefined;
}

/**
 * Checks what a CustomResourceDefinition may say in a schema
 * (pkg/apis/apiextensions/validation/validation.go, ValidateCustomResourceDefinitionOpenAPISchema), CEL aside.
 */
export function schemaRuleErrors(schema: JsonObject, path: string): FieldError[] {
  return rules(schema, path, { root: true, insideMeta: false });
}

function rules(schema: JsonObject, path: string, place: Place): FieldError[] {
  return [
    ...keywordErrors(schema, path, place),
    ...(schema["uniqueItems"] === true
      ? [
          fieldError.forbidden(
            `${path}.uniqueItems`,
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
          ),
        ]
      : []),
    ...childErrors(schema, path, place),
    ...extensionErrors(schema, path),
    ...listTypeErrors(schema, path),
    ...validationRuleErrors(schema, path),
  ];
}

const unsupported = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];

function keywordErrors(schema: JsonObject, path: string, place: Place): FieldError[] {
  const errors: FieldError[] = [];
  const type = textOf(schema["type"]);
  if (type !== "" && !types.includes(type)) errors.push(fieldError.notSupported(`${path}.type`, type, types));
  if (hasDefault(schema) && place.noDefaults !== undefined) {
    errors.push(fieldError.forbidden(`${path}.default`, `must not be set ${place.noDefaults}`));
  }
  for (const keyword of unsupported) {
    if (schema[keyword] === undefined) continue;
    errors.push(fieldError.forbidden(`${path}.${keyword}`, `${keyword} is not supported`));
  }
  if (type === "null") {
    const detail = "type cannot be set to null, use nullable as an alternative";
    errors.push(fieldError.forbidden(`${path}.type`, detail));
  }
  if (Array.isArray(schema["items"])) {
    errors.push(fieldError.forbidden(`${path}.items`, "items must be a schema object and not an array"));
  }
  if (place.insideMeta && schema["x-kubernetes-embedded-resource"] === true) {
    const detail = "must not be used inside of resource meta";
    errors.push(fieldError.forbidden(`${path}.x-kubernetes-embedded-resource`, detail));
  }
  return errors;
}

function hasDefault(schema: JsonObject): boolean {
  return schema["default"] !== undefined && schema["default"] !== null;
}

function childErrors(schema: JsonObject, path: string, place: Place): FieldError[] {
  const errors: FieldError[] = [];
  const here: Place = { ...place, root: false };
  const properties = propertySchemas(schema);
  const additional = schema["additionalProperties"];
  if (additional !== undefined && additional !== true && properties.length > 0) {
    const detail = "additionalProperties and properties are mutual exclusive";
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, detail));
  }
  const additionalNode = additionalSchema(schema);
  if (additionalNode !== undefined) {
    const inside = place.insideMeta
      ? { ...here, noDefaults: "inside additionalProperties applying to object metadata" }
      : here;
    errors.push(...rules(additionalNode, `${path}.additionalProperties`, inside));
  }
  for (const [name, property] of properties) {
    let below = here;
    if ((place.root || schema["x-kubernetes-embedded-resource"] === true) && metaFields.has(name)) {
      below = { ...below, insideMeta: true };
      if (place.root) below.noDefaults = `in top-level ${name}`;
    }
    errors.push(...rules(property, `${path}.properties[${name}]`, below));
  }
  if (isJsonObject(schema["not"])) errors.push(...rules(schema["not"], `${path}.not`, here));
  for (const junctor of ["allOf", "oneOf", "anyOf"] as const) {
    junctorSchemas(schema, junctor).forEach((nested, index) => {
      errors.push(...rules(nested, `${path}.${junctor}[${index}]`, here));
    });
  }
  const items = itemsSchema(schema);
  if (items !== undefined) errors.push(...rules(items, `${path}.items`, here));
  return errors;
}

function extensionErrors(schema: JsonObject, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    const at = `${path}.x-kubernetes-preserve-unknown-fields`;
    errors.push(fieldError.invalid(at, false, "must be true or undefined"));
  }
  const mapType: JsonValue | undefined = schema["x-kubernetes-map-type"];
  if (mapType === undefined) return errors;
  const type = textOf(schema["type"]);
  if (type !== "object") {
    const detail = "must be object if x-kubernetes-map-type is specified";
    errors.push(
      type === "" ? fieldError.required(`${path}.type`, detail) : fieldError.invalid(`${path}.type`, type, detail),
    );
  }
  if (mapType !== "atomic" && mapType !== "granular") {
    errors.push(fieldError.notSupported(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
  }
  return errors;
}
