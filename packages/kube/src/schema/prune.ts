import type { JsonObject, JsonValue } from "../object.ts";
import { additionalSchema, itemsSchema, propertySchema } from "./schema-node.ts";

const metaFields: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);

/**
 * Removes the fields that a structural schema does not know (pkg/apiserver/schema/pruning/algorithm.go). Fields below
 * x-kubernetes-preserve-unknown-fields stay, except where the schema describes what holds them. Changes the value.
 *
 * @param options.resourceRoot the value is a whole object: its apiVersion, kind and metadata stay
 * @returns the paths of what was removed, sorted: "spec.x", "spec.list[0].y"
 */
export function pruneBySchema(
  value: JsonValue | object,
  schema: JsonObject | undefined,
  options: { resourceRoot?: boolean } = {},
): string[] {
  const pruner = new Pruner();
  pruner.prune(value as JsonValue, schema, "", options.resourceRoot === true);
  return pruner.removed.sort();
}

class Pruner {
  readonly removed: string[] = [];

  prune(value: JsonValue, schema: JsonObject | undefined, path: string, embedded: boolean): void {
    if (typeof value !== "object" || value === null) return;
    if (schema?.["x-kubernetes-preserve-unknown-fields"] === true) {
      this.#skip(value, schema, path, embedded);
      return;
    }
    if (Array.isArray(value)) {
      value.forEach((element, index) => {
        this.#below(element, itemsSchema(schema), `${path}[${index}]`);
      });
      return;
    }
    for (const key of Object.keys(value)) {
      if (embedded && metaFields.has(key)) continue;
      const child = childPath(path, key);
      const below = schema === undefined ? undefined : fieldSchema(schema, key);
      if (below !== undefined) this.#below(value[key] as JsonValue, below.schema, child);
      else {
        if (!metaFields.has(key) || path !== "") this.removed.push(child);
        delete value[key];
      }
    }
  }

  #below(value: JsonValue, schema: JsonObject | undefined, path: string): void {
    this.prune(value, schema, path, schema?.["x-kubernetes-embedded-resource"] === true);
  }

  /** Unknown fields stay here; what the schema describes is pruned by what it says of it. */
  #skip(value: JsonValue, schema: JsonObject | undefined, path: string, embedded: boolean): void {
    if (schema === undefined || typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      const items = itemsSchema(schema);
      const embeddedItems = items?.["x-kubernetes-embedded-resource"] === true;
      value.forEach((element, index) => {
        this.#skip(element, items, `${path}[${index}]`, embeddedItems);
      });
      return;
    }
    for (const key of Object.keys(value)) {
      if (embedded && metaFields.has(key)) continue;
      const below = fieldSchema(schema, key);
      if (below !== undefined) this.#below(value[key] as JsonValue, below.schema, childPath(path, key));
    }
  }
}

/** What a schema says of a field: nothing (undefined), that there may be one, or a schema for it. */
function fieldSchema(schema: JsonObject, key: string): { schema: JsonObject | undefined } | undefined {
  const property = propertySchema(schema, key);
  if (property !== undefined) return { schema: property };
  return schema["additionalProperties"] === undefined ? undefined : { schema: additionalSchema(schema) };
}

function childPath(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
