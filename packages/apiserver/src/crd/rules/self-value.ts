import { additionalSchema, isJsonObject, itemsSchema, type JsonObject, type JsonValue, textOf } from "@podwright/kube";
import { celObject } from "../../cel/values.ts";
import { celIdentifier } from "./identifier.ts";
import { fieldsOf, isEmbedded } from "./self-type.ts";

/** Makes CEL's values of texts: `duration("1s")` and the like. */
export interface TextValues {
  duration(text: string): unknown;
  timestamp(text: string): unknown;
}

/**
 * A JSON value as the expressions of its schema see it: whole numbers are doubles where the schema says number, fields
 * have the names that expressions can write, and what the schema does not know is not there
 * (k8s.io/apiserver/pkg/cel/common/values.go, UnstructuredToVal).
 */
export function selfValue(value: JsonValue, schema: JsonObject, isResource: boolean, texts: TextValues): unknown {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) {
    const items = itemsSchema(schema);
    if (items === undefined) return [];
    return value.map((element) => selfValue(element, items, isEmbedded(items), texts));
  }
  if (isJsonObject(value)) {
    const additional = additionalSchema(schema);
    if (additional !== undefined) {
      const entries = Object.entries(value).filter(([, element]) => element !== undefined);
      return celObject(
        entries.map(([key, element]) => [
          key,
          selfValue(element as JsonValue, additional, isEmbedded(additional), texts),
        ]),
      );
    }
    const entries: [string, unknown][] = [];
    for (const [field, property] of fieldsOf(schema, isResource)) {
      const identifier = celIdentifier(field);
      const element = Object.hasOwn(value, field) ? value[field] : undefined;
      if (identifier === undefined || element === undefined) continue;
      const own = selfValue(element, property, isEmbedded(property), texts);
      entries.push([identifier, own]);
      if (identifier === `__${field}__`) entries.push([field, own]);
    }
    return celObject(entries);
  }
  if (typeof value === "string") return textValue(value, schema, texts);
  if (typeof value === "number" && schema["type"] !== "number" && Number.isInteger(value)) return BigInt(value);
  return typeof value === "bigint" && schema["type"] === "number" ? Number(value) : value;
}

function textValue(text: string, schema: JsonObject, texts: TextValues): unknown {
  if (schema["type"] !== "string") return text;
  switch (textOf(schema["format"])) {
    case "byte":
      return new Uint8Array(Buffer.from(text, "base64"));
    case "duration":
      return texts.duration(text);
    case "date":
      return texts.timestamp(`${text}T00:00:00Z`);
    case "date-time":
      return texts.timestamp(text);
    default:
      return text;
  }
}
