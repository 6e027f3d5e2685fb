import {
  type FieldError,
  fieldError,
  isDns1035Label,
  isJsonObject,
  isPathSegmentName,
  type JsonObject,
  type JsonValue,
  stringifyJson,
} from "@podwright/kube";
import { validateObjectMeta } from "../metadata/validation.ts";

/**
 * Fields with x-kubernetes-embedded-resource hold whole objects: their metadata is decoded and checked like an
 * object's own (k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta).
 */
export function hasEmbeddedResources(schema: JsonObject): boolean {
  return stringifyJson(schema as JsonValue).includes('"x-kubernetes-embedded-resource":true');
}

type DecodeMetadata = (value: JsonValue) => { object: JsonObject; unknown: string[] };

/** Decodes the metadata of embedded objects in place. Gives the paths of unknown fields, sorted. */
export function coerceEmbedded(root: JsonObject, schema: JsonObject, decode: DecodeMetadata): string[] {
  const unknown: string[] = [];
  visit(root, schema, "", (object, path) => {
    for (const field of ["apiVersion", "kind"]) {
      const value = object[field];
      if (value !== undefined && typeof value !== "string") {
        throw new Error(`${path}.${field}: Invalid value: ${JSON.stringify(value)}: must be a string`);
      }
    }
    const { metadata } = object;
    if (metadata === undefined || metadata === null) return;
    const decoded = decode(metadata);
    object["metadata"] = decoded.object;
    unknown.push(...decoded.unknown.map((field) => `${path}.metadata.${field}`));
  });
  return unknown.sort();
}

export function validateEmbedded(root: JsonObject, schema: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  visit(root, schema, "", (object, path) => {
    for (const field of ["apiVersion", "kind"]) {
      const value = object[field];
      const at = `${path}.${field}`;
      if (value === undefined) errors.push(fieldError.required(at));
      else if (value === "") errors.push(fieldError.invalid(at, value, "must not be empty"));
    }
    const { apiVersion, kind, metadata } = object;
    if (typeof apiVersion === "string" && apiVersion.split("/").length > 2) {
      const rule = `unexpected GroupVersion string: ${apiVersion}`;
      errors.push(fieldError.invalid(`${path}.apiVersion`, apiVersion, rule));
    }
    if (typeof kind === "string" && kind !== "") {
      const problems = isDns1035Label(kind.toLowerCase());
      if (problems.length > 0) {
        const rule = `may have mixed case, but should otherwise match: ${problems.join(",")}`;
        errors.push(fieldError.invalid(`${path}.kind`, kind, rule));
      }
    }
    if (isJsonObject(metadata)) errors.push(...validateMetadata(metadata, path));
  });
  return errors;
}

function validateMetadata(metadata: JsonObject, path: string): FieldError[] {
  const named = { ...metadata, name: (metadata["name"] as string | undefined) || "fakename" };
  const problems = validateObjectMeta(
    named,
    { namespaced: Boolean(metadata["namespace"]), custom: true },
    isPathSegmentName,
  );
  return problems.map((error) => ({ ...error, field: `${path}.${error.field}` }));
}

function visit(
  value: JsonValue | undefined,
  schema: JsonObject | undefined,
  path: string,
  found: (object: JsonObject, path: string) => void,
): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    const items = schema["items"];
    if (isJsonObject(items)) for (const [i, item] of value.entries()) visit(item, items, `${path}[${i}]`, found);
    return;
  }
  if (!isJsonObject(value)) return;
  if (schema["x-kubernetes-embedded-resource"] === true) found(value, path);
  const { properties, additionalProperties } = schema;
  for (const [name, field] of Object.entries(value)) {
    if (isJsonObject(properties) && Object.hasOwn(properties, name)) {
      visit(field, properties[name] as JsonObject, path === "" ? name : `${path}.${name}`, found);
    } else if (isJsonObject(additionalProperties)) visit(field, additionalProperties, `${path}[${name}]`, found);
  }
}
