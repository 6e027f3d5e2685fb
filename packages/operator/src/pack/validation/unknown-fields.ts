import { getField, isJsonObject, type JsonObject, type JsonValue } from "@podwright/kube";

/** The paths of fields that a structural schema does not know, at most 20. */
export function unknownFields(value: JsonValue | undefined, schema: JsonObject, path: string): string[] {
  const found: string[] = [];
  collect(value, schema, path, found);
  return found.slice(0, 20);
}

function collect(value: JsonValue | undefined, schema: JsonObject, path: string, found: string[]): void {
  if (Array.isArray(value)) {
    const items = schema["items"];
    if (isJsonObject(items))
      for (const [i, element] of value.entries()) collect(element, items, `${path}[${i}]`, found);
    return;
  }
  const properties = schema["properties"];
  if (!isJsonObject(value) || !isJsonObject(properties)) return;
  for (const [key, field] of Object.entries(value)) {
    const known = getField(properties, key);
    if (isJsonObject(known)) collect(field, known, `${path}.${key}`, found);
    else found.push(`${path}.${key}`);
  }
}
