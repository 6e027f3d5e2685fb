import { messageOf } from "../error-message.ts";
import { type FieldError, fieldError, formatFieldError } from "../field-error.ts";
import { jsonEqual } from "../json.ts";
import type { JsonObject } from "../object.ts";
import {
  additionalSchema,
  itemsSchema,
  junctorSchemas,
  propertySchema,
  propertySchemas,
  textOf,
} from "./schema-node.ts";
import { completenessErrors } from "./structural-completeness.ts";
import type { SchemaValidationOptions } from "./validate.ts";

type Level = "root" | "item" | "field";

/**
 * Checks that a schema is structural: that its own tree, without allOf, anyOf, oneOf and not, says what every value
 * looks like (pkg/apiserver/schema/validation.go). The errors are sorted, as upstream sorts them.
 */
export function structuralErrors(schema: JsonObject, path: string, options: SchemaValidationOptions): FieldError[] {
  const errors = [...invariantErrors(schema, "root", path, options), ...completenessErrors(schema, path)];
  const shown = errors.map((error) => ({ error, text: formatFieldError(error) }));
  return shown.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0)).map(({ error }) => error);
}

function invariantErrors(
  schema: JsonObject,
  level: Level,
  path: string,
  options: SchemaValidationOptions,
): FieldError[] {
  const errors: FieldError[] = [];
  const type = textOf(schema["type"]);
  const items = itemsSchema(schema);
  if (type === "array" && items === undefined) errors.push(fieldError.required(`${path}.items`, "must be specified"));
  if (items !== undefined) errors.push(...invariantErrors(items, "item", `${path}.items`, options));
  for (const [name, property] of propertySchemas(schema)) {
    errors.push(...invariantErrors(property, "field", `${path}.properties[${name}]`, options));
  }
  if (schema["additionalProperties"] !== undefined && level === "root") {
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, "must not be used at the root"));
  }
  const additional = additionalSchema(schema);
  if (additional !== undefined) {
    errors.push(...invariantErrors(additional, "field", `${path}.additionalProperties`, options));
  }
  return [
    ...errors,
    ...intOrStringErrors(schema, path),
    ...valueErrors(schema, hasIntOrStringAnyOf(schema), hasIntOrStringAllOf(schema), path, options),
    ...typeErrors(schema, type, level, path),
    ...objectErrors(schema, level, path),
  ];
}

function intOrStringErrors(schema: JsonObject, path: string): FieldError[] {
  if (schema["x-kubernetes-int-or-string"] !== true) return [];
  const detail = "must be false if x-kubernetes-int-or-string is true";
  return ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"]
    .filter((extension) => schema[extension] === true)
    .map((extension) => fieldError.invalid(`${path}.${extension}`, true, detail));
}

function typeErrors(schema: JsonObject, type: string, level: Level, path: string): FieldError[] {
  const at = `${path}.type`;
  const errors: FieldError[] = [];
  if (schema["x-kubernetes-embedded-resource"] === true && type !== "object") {
    const detail = "must be object if x-kubernetes-embedded-resource is true";
    errors.push(type === "" ? fieldError.required(at, detail) : fieldError.invalid(at, type, detail));
  } else if (
    type === "" &&
    schema["x-kubernetes-int-or-string"] !== true &&
    schema["x-kubernetes-preserve-unknown-fields"] !== true
  ) {
    errors.push(fieldError.required(at, typeDetails[level]));
  }
  if (level === "root" && type !== "" && type !== "object") {
    errors.push(fieldError.invalid(at, type, "must be object at the root"));
  }
  return errors;
}

const typeDetails: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

/** Rules for whole objects: the root, and embedded ones. */
function objectErrors(schema: JsonObject, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const embedded = schema["x-kubernetes-embedded-resource"] === true;
  if (embedded && schema["additionalProperties"] !== undefined) {
    const detail = "must not be used if x-kubernetes-embedded-resource is set";
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, detail));
  }
  if (embedded || level === "root") {
    for (const name of ["kind", "apiVersion"]) {
      const property = propertySchema(schema, name);
      if (property === undefined || property["type"] === "string") continue;
      errors.push(fieldError.invalid(`${path}.properties[${name}].type`, textOf(property["type"]), "must be string"));
    }
  }
  const metadata = propertySchema(schema, "metadata");
  if (metadata !== undefined) errors.push(...metadataErrors(metadata, embedded, level, `${path}.properties[metadata]`));
  if (embedded && schema["x-kubernetes-preserve-unknown-fields"] !== true && propertySchemas(schema).length === 0) {
    const detail =
      "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
    errors.push(fieldError.required(`${path}.properties`, detail));
  }
  return errors;
}

/** Keywords that say nothing about metadata, and those that were looked at already. */
const harmlessInMetadata: ReadonlySet<string> = new Set(["type", "default", "properties", "externalDocs", "example"]);

function metadataErrors(metadata: JsonObject, embedded: boolean, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if ((embedded || level === "root") && metadata["type"] !== "object") {
    errors.push(fieldError.invalid(`${path}.type`, textOf(metadata["type"]), "must be object"));
  }
  if (level !== "root") return errors;
  const properties = propertySchemas(metadata).map(([name]) => name);
  const more =
    properties.some((name) => name !== "name" && name !== "generateName") ||
    Object.keys(metadata).some((keyword) => !harmlessInMetadata.has(keyword));
  if (more) {
    const detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
    errors.push(fieldError.forbidden(path, detail));
  }
  return errors;
}

const intOrString = [{ type: "integer" }, { type: "string" }];

function hasIntOrStringAnyOf(schema: JsonObject): boolean {
  return jsonEqual(schema["anyOf"], intOrString);
}

function hasIntOrStringAllOf(schema: JsonObject): boolean {
  const [first] = junctorSchemas(schema, "allOf");
  return first !== undefined && hasIntOrStringAnyOf(first);
}

/** What a schema asks of values, as opposed to how it describes them. */
function valueErrors(
  schema: JsonObject,
  skipAnyOf: boolean,
  skipAnyOfInFirstAllOf: boolean,
  path: string,
  options: SchemaValidationOptions,
): FieldError[] {
  const errors: FieldError[] = [];
  const visit = (junctor: "allOf" | "anyOf" | "oneOf", skip: (index: number) => boolean) => {
    junctorSchemas(schema, junctor).forEach((nested, index) => {
      errors.push(...nestedErrors(nested, skip(index), `${path}.${junctor}[${index}]`, options));
    });
  };
  if (!skipAnyOf) visit("anyOf", () => false);
  visit("allOf", (index) => skipAnyOfInFirstAllOf && index === 0);
  visit("oneOf", () => false);
  const not = schema["not"];
  if (typeof not === "object" && not !== null && !Array.isArray(not)) {
    errors.push(...nestedErrors(not, false, `${path}.not`, options));
  }
  const pattern = textOf(schema["pattern"]);
  if (pattern !== "" && options.compilePattern !== undefined) {
    try {
      options.compilePattern(pattern);
    } catch (error) {
      const reason = messageOf(error);
      const detail = `must be a valid regular expression, but isn't: ${reason}`;
      errors.push(fieldError.invalid(`${path}.pattern`, pattern, detail));
    }
  }
  return errors;
}

/** Keywords that describe values, with what upstream says where they stand below a junctor. */
const forbiddenBelowJunctors: readonly [keyword: string, must: string][] = [
  ["type", "empty"],
  ["additionalProperties", "undefined"],
  ["default", "undefined"],
  ["title", "empty"],
  ["description", "empty"],
  ["nullable", "false"],
  ["x-kubernetes-preserve-unknown-fields", "false"],
  ["x-kubernetes-embedded-resource", "false"],
  ["x-kubernetes-int-or-string", "false"],
  ["x-kubernetes-list-map-keys", "empty"],
  ["x-kubernetes-list-type", "undefined"],
  ["x-kubernetes-map-type", "undefined"],
  ["x-kubernetes-validations", "empty"],
];

function nestedErrors(
  schema: JsonObject,
  skipAnyOf: boolean,
  path: string,
  options: SchemaValidationOptions,
): FieldError[] {
  const errors = valueErrors(schema, skipAnyOf, false, path, options);
  const items = itemsSchema(schema);
  if (items !== undefined) errors.push(...nestedErrors(items, false, `${path}.items`, options));
  for (const [name, property] of propertySchemas(schema)) {
    errors.push(...nestedErrors(property, false, `${path}.properties[${name}]`, options));
  }
  for (const [keyword, must] of forbiddenBelowJunctors) {
    if (isZero(schema[keyword])) continue;
    errors.push(fieldError.forbidden(`${path}.${keyword}`, `must be ${must} to be structural`));
  }
  if (propertySchema(schema, "metadata") !== undefined) {
    errors.push(fieldError.forbidden(`${path}.properties[metadata]`, "must not be specified in a nested context"));
  }
  return errors;
}

function isZero(value: unknown): boolean {
  return (
    value === undefined || value === null || value === false || value === "" || (Array.isArray(value) && !value.length)
  );
}
