import { type FieldError, fieldError } from "../field-error.ts";
import { cloneJson, jsonEqual } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { pruneBySchema } from "./prune.ts";
import { additionalSchema, itemsSchema, junctorSchemas, propertySchemas } from "./schema-node.ts";
import { schemaRuleErrors } from "./schema-rules.ts";
import { structuralErrors } from "./structural.ts";
import { createSchemaValidator, type SchemaValidationOptions } from "./validate.ts";

export interface StructuralValidationOptions extends SchemaValidationOptions {
  /** What is wrong with the apiVersion, kind and metadata of objects embedded in a default. */
  embeddedErrors?: ((value: JsonValue, schema: JsonObject, path: string) => FieldError[]) | undefined;
}

/**
 * Checks the schema of a CustomResourceDefinition's version: that it is structural, that its defaults are valid, and
 * that it uses only what such schemas may (pkg/apis/apiextensions/validation/validation.go,
 * validateCustomResourceDefinitionValidation). CEL expressions are not looked at.
 *
 * @param schema openAPIV3Schema, as decoded: zero values absent
 * @param path of the schema, e.g. "spec.validation.openAPIV3Schema"
 */
export function validateStructuralSchema(
  schema: JsonObject,
  path: string,
  options: StructuralValidationOptions = {},
): FieldError[] {
  const unsupported = unsupportedKeyword(schema);
  const errors: FieldError[] = [];
  if (unsupported === undefined) {
    errors.push(...structuralErrors(schema, path, options));
    if (errors.length === 0) errors.push(...defaultErrors(schema, path, false, options));
  }
  errors.push(...schemaRuleErrors(schema, path));
  // The rules above name these keywords with their place, which is better.
  if (errors.length === 0 && unsupported !== undefined) errors.push(fieldError.invalid(path, "", unsupported));
  return errors;
}

const unsupportedKeywords = [
  "id",
  "schema",
  "$ref",
  "patternProperties",
  "dependencies",
  "additionalItems",
  "definitions",
];

/** What keeps a schema from being read as a structural one (pkg/apiserver/schema/convert.go). */
function unsupportedKeyword(schema: JsonObject): string | undefined {
  for (const keyword of unsupportedKeywords) {
    // The keyword is "$schema" in JSON; upstream names the Go field.
    if (schema[keyword === "schema" ? "$schema" : keyword] === undefined) continue;
    return `OpenAPIV3Schema '${keyword}' is not supported`;
  }
  if (Array.isArray(schema["items"])) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  }
  const { not } = schema;
  const nested = [
    ...(typeof not === "object" && not !== null && !Array.isArray(not) ? [not] : []),
    ...(["allOf", "anyOf", "oneOf"] as const).flatMap((junctor) => junctorSchemas(schema, junctor)),
    ...[itemsSchema(schema), additionalSchema(schema)].filter((node) => node !== undefined),
    ...propertySchemas(schema).map(([, property]) => property),
  ];
  for (const node of nested) {
    const found = unsupportedKeyword(node);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Checks that defaults hold nothing unknown and are valid (pkg/apiserver/schema/defaulting/validation.go). */
function defaultErrors(
  schema: JsonObject,
  path: string,
  insideMeta: boolean,
  options: StructuralValidationOptions,
): FieldError[] {
  const errors: FieldError[] = [];
  const embedded = schema["x-kubernetes-embedded-resource"] === true;
  const fallback = schema["default"];
  if (fallback !== undefined && fallback !== null) {
    const pruned = cloneJson(fallback);
    pruneBySchema(pruned as object, schema, { resourceRoot: embedded });
    if (!insideMeta && !jsonEqual(pruned, fallback)) {
      errors.push(fieldError.invalid(`${path}.default`, fallback, "must not have unknown fields"));
    }
    const embeddedErrors = options.embeddedErrors?.(fallback, schema, `${path}.default`) ?? [];
    // List types are not looked at here, as upstream.
    if (embeddedErrors.length > 0) errors.push(...embeddedErrors);
    else
      errors.push(
        ...createSchemaValidator(schema, { ...options, listTypes: false, asWritten: true }).validate(
          fallback,
          `${path}.default`,
        ),
      );
  }
  const items = itemsSchema(schema);
  if (items !== undefined) errors.push(...defaultErrors(items, `${path}.items`, insideMeta, options));
  for (const [name, property] of propertySchemas(schema)) {
    const meta = (insideMeta && !embedded) || (embedded && ["metadata", "apiVersion", "kind"].includes(name));
    errors.push(...defaultErrors(property, `${path}.properties[${name}]`, meta, options));
  }
  return errors;
}
