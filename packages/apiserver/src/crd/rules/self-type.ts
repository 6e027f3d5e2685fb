import { additionalSchema, isJsonObject, itemsSchema, type JsonObject, propertySchemas, textOf } from "@podwright/kube";
import type { Environment } from "../../cel/environment.ts";
import { celIdentifier } from "./identifier.ts";

/**
 * Tells an environment the CEL type of what a schema describes, as type checks need it
 * (k8s.io/apiserver/pkg/cel/common/schemas.go, SchemaDeclType). Gives the type's name; undefined where expressions
 * cannot see the value, because the schema does not say what it is.
 *
 * @param name of the type of an object: names must be different in one environment
 * @param isResource the root of a resource, or of an embedded one
 */
export function declareType(
  environment: Environment,
  schema: JsonObject,
  name: string,
  isResource: boolean,
): string | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) return "dyn";
  switch (textOf(schema["type"])) {
    case "array": {
      const items = itemsSchema(schema);
      const type = items && declareType(environment, items, `${name}.items`, isEmbedded(items));
      return type && `list<${type}>`;
    }
    case "object": {
      const additional = additionalSchema(schema);
      if (additional === undefined) return declareObject(environment, schema, name, isResource);
      const type = declareType(environment, additional, `${name}.values`, isEmbedded(additional));
      return type && `map<string, ${type}>`;
    }
    case "string":
      return formatTypes[textOf(schema["format"])] ?? "string";
    case "boolean":
      return "bool";
    case "number":
      return "double";
    case "integer":
      return "int";
    default:
      return undefined;
  }
}

const formatTypes: Readonly<Record<string, string>> = {
  byte: "bytes",
  duration: "google.protobuf.Duration",
  date: "google.protobuf.Timestamp",
  "date-time": "google.protobuf.Timestamp",
};

function declareObject(environment: Environment, schema: JsonObject, name: string, isResource: boolean): string {
  const fields: Record<string, string> = {};
  for (const [field, property] of fieldsOf(schema, isResource)) {
    const identifier = celIdentifier(field);
    // The field's own name would do, but it may hold what a type's name may not.
    const type = identifier && declareType(environment, property, `${name}.${identifier}`, isEmbedded(property));
    if (type === undefined || type === "") continue;
    fields[identifier as string] = type;
    // A field that is called like a keyword has both names.
    if (identifier === `__${field}__`) fields[field] = type;
  }
  environment.registerType({ name, fields });
  environment.registerOperator(`${name} == ${name}`, Object.is);
  return name;
}

/** The fields of an object that expressions can see: of a resource, who it is too (WithTypeAndObjectMeta). */
export function fieldsOf(schema: JsonObject, isResource: boolean): [name: string, schema: JsonObject][] {
  const properties = propertySchemas(schema);
  if (!isResource || describesItself(schema)) return properties;
  const text = { type: "string" };
  const metadata = { type: "object", properties: { name: text, generateName: text } };
  const others = properties.filter(([name]) => name !== "apiVersion" && name !== "kind" && name !== "metadata");
  return [...others, ["apiVersion", text], ["kind", text], ["metadata", metadata]];
}

/** Whether a schema says of a resource all that it would be given, and perhaps more. */
function describesItself(schema: JsonObject): boolean {
  const fields = new Map(propertySchemas(schema));
  const metadata = fields.get("metadata");
  if (metadata?.["type"] !== "object") return false;
  const own = new Map(propertySchemas(metadata));
  const texts = [fields.get("apiVersion"), fields.get("kind"), own.get("name"), own.get("generateName")];
  return texts.every((each) => each?.["type"] === "string");
}

export function isEmbedded(schema: JsonObject): boolean {
  return isJsonObject(schema) && schema["x-kubernetes-embedded-resource"] === true;
}
