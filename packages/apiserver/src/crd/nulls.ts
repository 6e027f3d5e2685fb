import { isJsonObject, type JsonObject, type JsonValue } from "@podwright/kube";

/**
 * Drops fields that are null where the schema allows no null and has no default. Those with a default are left for
 * defaulting to replace (k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting/prunenulls.go).
 */
export function dropNulls(value: JsonValue | undefined, schema: JsonObject | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    const items = schema["items"];
    if (isJsonObject(items)) for (const item of value) dropNulls(item, items);
    return;
  }
  if (!isJsonObject(value)) return;
  const properties = schema["properties"];
  for (const [name, field] of Object.entries(value)) {
    if (field === null || typeof field === "object") {
      const below = fieldSchema(name, properties, schema["additionalProperties"]);
      if (below === undefined) continue;
      if (field !== null) dropNulls(field, below);
      else if (below["nullable"] !== true && below["default"] === undefined) delete value[name];
    }
  }
}

function fieldSchema(name: string, properties: unknown, additional: unknown): JsonObject | undefined {
  if (isJsonObject(properties) && Object.hasOwn(properties, name)) return properties[name] as JsonObject;
  return isJsonObject(additional) ? additional : undefined;
}
