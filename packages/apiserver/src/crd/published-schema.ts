import { isJsonObject, type JsonObject, type JsonValue } from "@podwright/kube";
import type { DefinitionVersion } from "./definition.ts";

/**
 * The schema of a version as OpenAPI v3 publishes it: kubectl explain reads it, and clients validate with it
 * (k8s.io/apiextensions-apiserver/pkg/controller/openapi/builder). apiVersion, kind and metadata get their
 * descriptions from whoever builds the document.
 */
export function publishedSchema(version: DefinitionVersion, group: string, kind: string): JsonObject {
  const schema = version.schema?.openAPIV3Schema;
  const base: JsonObject =
    schema === undefined || preservesEverything(schema)
      ? { type: "object", ...(schema === undefined ? {} : { ...schema }), "x-kubernetes-preserve-unknown-fields": true }
      : { ...schema };
  const properties = isJsonObject(base["properties"]) ? base["properties"] : {};
  return {
    ...(publish(base) as JsonObject),
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: {},
      ...(publish({ properties: omit(properties, ["apiVersion", "kind", "metadata"]) }) as { properties: JsonObject })
        .properties,
    },
    "x-kubernetes-group-version-kind": [{ group, version: version.name, kind }],
  };
}

function preservesEverything(schema: JsonObject): boolean {
  return schema["x-kubernetes-preserve-unknown-fields"] === true && schema["properties"] === undefined;
}

function omit(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** int-or-string has no type of its own; everything else is published as it was written. */
function publish(schema: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(schema)) return schema.map((each) => publish(each) as JsonValue);
  if (!isJsonObject(schema)) return schema;
  const published: JsonObject = { ...schema };
  for (const keyword of ["items", "additionalProperties", "not", "allOf", "anyOf", "oneOf"]) {
    if (schema[keyword] !== undefined) published[keyword] = publish(schema[keyword]);
  }
  const properties = schema["properties"];
  if (isJsonObject(properties)) {
    published["properties"] = Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, publish(property)]),
    );
  }
  if (
    schema["x-kubernetes-int-or-string"] === true &&
    published["anyOf"] === undefined &&
    published["type"] === undefined
  ) {
    published["oneOf"] = [{ type: "integer" }, { type: "string" }];
  }
  return published;
}
