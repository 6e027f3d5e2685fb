import {
  type FieldError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  jsonEqual,
  type KubeObject,
} from "@podwright/kube";

/**
 * Validation ratcheting: an update is not refused for what was wrong already and has not changed
 * (k8s.io/apiextensions-apiserver/pkg/apiserver/validation/ratcheting.go). Fields of objects are compared by name,
 * items of lists with x-kubernetes-list-type map by their keys; other lists count as changed when anything in them is.
 */
export function ignoreUnchanged(
  errors: readonly FieldError[],
  object: KubeObject,
  old: KubeObject,
  schema: JsonObject,
): FieldError[] {
  if (errors.length === 0) return [];
  return errors.filter((error) => !isUnchanged(error.field, object as JsonValue, old as JsonValue, schema));
}

function isUnchanged(path: string, object: JsonValue, old: JsonValue, root: JsonObject): boolean {
  let value: JsonValue | undefined = object;
  let before: JsonValue | undefined = old;
  let schema: JsonObject | undefined = root;
  for (const segment of segmentsOf(path)) {
    if (isJsonObject(value) && isJsonObject(before)) {
      value = value[segment];
      before = before[segment];
      schema = propertyOf(schema, segment);
    } else if (Array.isArray(value) && Array.isArray(before)) {
      const item: JsonValue | undefined = value[Number(segment)];
      before = correlate(item, before, schema);
      value = item;
      schema = schema?.["items"] as JsonObject | undefined;
    } else return false;
    if (value === undefined || before === undefined) return false;
    if (jsonEqual(value, before)) return true;
  }
  return false;
}

/** The item of an old list that is the same one by the list's keys. */
function correlate(item: JsonValue | undefined, old: JsonValue[], schema: JsonObject | undefined) {
  const keys = schema?.["x-kubernetes-list-map-keys"];
  if (schema?.["x-kubernetes-list-type"] !== "map" || !Array.isArray(keys) || !isJsonObject(item)) return undefined;
  return old.find((each) => isJsonObject(each) && keys.every((key) => jsonEqual(each[String(key)], item[String(key)])));
}

function propertyOf(schema: JsonObject | undefined, name: string): JsonObject | undefined {
  const properties = schema?.["properties"];
  if (isJsonObject(properties) && Object.hasOwn(properties, name)) return properties[name] as JsonObject;
  const additional = schema?.["additionalProperties"];
  return isJsonObject(additional) ? additional : undefined;
}

/** "spec.containers[0].env[a.b]" → spec, containers, 0, env, a.b */
function segmentsOf(path: string): string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[]+)/g)].map((match) => match[1] ?? match[2] ?? "");
}
