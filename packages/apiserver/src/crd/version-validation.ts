import { type FieldError, fieldError, isJsonObject, type JsonObject, validateStructuralSchema } from "@podwright/kube";
import { compilePattern } from "./compile-pattern.ts";
import type { DefinitionVersion, PrinterColumn, Subresources } from "./definition.ts";
import { definitionRuleErrors } from "./rules/definition-rules.ts";

/** What may stand at the root of a schema beside the type, when there is a status subresource. */
const allowedAtRoot: ReadonlySet<string> = new Set([
  "description",
  "type",
  "format",
  "title",
  "maximum",
  "exclusiveMaximum",
  "minimum",
  "exclusiveMinimum",
  "maxLength",
  "minLength",
  "pattern",
  "maxItems",
  "minItems",
  "uniqueItems",
  "multipleOf",
  "required",
  "items",
  "properties",
  "externalDocs",
  "example",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
]);

/**
 * A version's schema: the rules of its root, then those of structural schemas, which packages/kube knows.
 *
 * @param path of the schema's parent, e.g. "spec.validation"
 * @param isUnchanged by an update: then each of its rules may cost what it will
 */
export function validateSchema(version: DefinitionVersion, path: string, isUnchanged: boolean): FieldError[] {
  const schema = version.schema?.openAPIV3Schema;
  if (schema === undefined) return [];
  const errors: FieldError[] = [];
  const root = `${path}.openAPIV3Schema`;
  if (version.subresources?.status !== undefined) errors.push(...validateRoot(schema, root));
  if (schema["nullable"] === true)
    errors.push(fieldError.forbidden(`${root}.nullable`, "nullable cannot be true at the root"));
  errors.push(...validateStructuralSchema(schema, root, { compilePattern }));
  // Of a schema that is none, types cannot be told.
  return errors.length > 0 ? errors : definitionRuleErrors(schema, root, isUnchanged);
}

/** The status is validated by properties.status alone, so nothing else may say anything about it. */
function validateRoot(schema: JsonObject, root: string): FieldError[] {
  for (const [keyword, value] of Object.entries(schema)) {
    if (isZero(value)) continue;
    if (keyword === "type" && value !== "object") {
      const rule =
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      return [fieldError.invalid(`${root}.type`, value, rule)];
    }
    if (!allowedAtRoot.has(keyword)) {
      const names = [...allowedAtRoot].map(goName).join(" ");
      const rule = `only [${names}] fields are allowed at the root of the schema if the status subresource is enabled`;
      return [fieldError.invalid(root, schema, rule)];
    }
  }
  return [];
}

function isZero(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === "" || value === 0;
}

/** "maxLength" is MaxLength in Go, "x-kubernetes-validations" XValidations. */
function goName(keyword: string): string {
  return keyword
    .replace("x-kubernetes-", "x-")
    .split("-")
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

export function validateColumns(columns: readonly PrinterColumn[] | undefined, path: string): FieldError[] {
  return (columns ?? []).flatMap((column, index) => validateColumn(column, `${path}[${index}]`));
}

function validateColumn(column: PrinterColumn, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const types = `must be one of ${columnTypes.join(",")}`;
  if (!column.name) errors.push(fieldError.required(`${path}.name`));
  if (!column.type) errors.push(fieldError.required(`${path}.type`, types));
  else if (!columnTypes.includes(column.type)) errors.push(fieldError.invalid(`${path}.type`, column.type, types));
  if (column.format && !columnFormats.includes(column.format)) {
    errors.push(fieldError.invalid(`${path}.format`, column.format, `must be one of ${columnFormats.join(",")}`));
  }
  if (!column.jsonPath) errors.push(fieldError.required(`${path}.JSONPath`));
  else errors.push(...validateSimplePath(column.jsonPath, `${path}.JSONPath`));
  return errors;
}

export function validateSubresources(subresources: Subresources | undefined, path: string): FieldError[] {
  const scale = subresources?.scale;
  if (scale === undefined) return [];
  const check = (name: string, value: string | undefined, roots: string[], rule: string, required: boolean) => {
    const field = `${path}.scale.${name}`;
    if (!value) return required ? [fieldError.required(field)] : [];
    const errors = validateSimplePath(value, field);
    if (errors.length > 0) return errors;
    return roots.some((root) => value.startsWith(root)) ? [] : [fieldError.invalid(field, value, rule)];
  };
  const either = "should be a json path under either .spec or .status";
  return [
    ...check("specReplicasPath", scale.specReplicasPath, [".spec."], "should be a json path under .spec", true),
    ...check("statusReplicasPath", scale.statusReplicasPath, [".status."], "should be a json path under .status", true),
    ...check("labelSelectorPath", scale.labelSelectorPath, [".spec.", ".status."], either, false),
  ];
}

function validateSimplePath(path: string, field: string): FieldError[] {
  return path.startsWith(".") ? [] : [fieldError.invalid(field, path, "must be a simple json path starting with .")];
}

const maxSelectableFields = 8;

export function validateSelectableFields(version: DefinitionVersion, path: string): FieldError[] {
  const fields = version.selectableFields ?? [];
  if (fields.length === 0) return [];
  const schema = version.schema?.openAPIV3Schema;
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of fields.entries()) {
    const field = `${path}[${index}].jsonPath`;
    if (!jsonPath) {
      errors.push(fieldError.required(field));
      continue;
    }
    const found = schemaAt(schema, jsonPath);
    if (typeof found === "string") {
      errors.push(fieldError.invalid(field, jsonPath, `is an invalid path: ${found}`));
      continue;
    }
    if (/^\.metadata\b/.test(jsonPath)) {
      errors.push(fieldError.invalid(field, jsonPath, "must not point to fields in metadata"));
    }
    if (!["string", "boolean", "integer"].includes(String(found["type"]))) {
      const rule =
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.";
      errors.push(fieldError.invalid(field, jsonPath, rule));
    }
    if (seen.has(jsonPath)) errors.push(fieldError.duplicate(field, jsonPath));
    seen.add(jsonPath);
  }
  if (seen.size > maxSelectableFields) errors.push(fieldError.tooMany(path, seen.size, maxSelectableFields));
  return errors;
}

/** The schema a dotted path leads to, or what is wrong with the path. */
function schemaAt(schema: JsonObject | undefined, path: string): JsonObject | string {
  if (!path.startsWith(".")) return `expected [.(bracket)identifier] got ${path}`;
  let current: JsonObject | undefined = schema;
  for (const name of path.slice(1).split(".")) {
    const properties: unknown = current?.["properties"];
    const next: unknown = isJsonObject(properties) ? properties[name] : current?.["additionalProperties"];
    if (!isJsonObject(next)) return `does not refer to a valid field`;
    current = next;
  }
  return current ?? "does not refer to a valid field";
}
