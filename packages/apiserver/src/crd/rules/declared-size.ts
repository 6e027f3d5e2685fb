import { additionalSchema, itemsSchema, type JsonObject, textOf } from "@podwright/kube";
import type { SizeOfPath } from "../../cel/estimate/estimate.ts";
import { celIdentifier } from "./identifier.ts";
import { fieldsOf, isEmbedded } from "./self-type.ts";

/** How large what a schema describes can be, and how small its JSON (k8s.io/apiserver/pkg/cel/common/schemas.go). */
export interface DeclaredSize {
  max: number;
  minBytes: number;
  fields?: ReadonlyMap<string, DeclaredSize>;
  items?: DeclaredSize;
  isMap?: boolean;
}

/** The largest request that counts is taken for (k8s.io/apiserver/pkg/apis/cel/config.go). */
const requestBytes = 3 * 1024 * 1024;

/** Undefined for what expressions cannot see. */
export function declaredSize(schema: JsonObject, isResource: boolean): DeclaredSize | undefined {
  if (schema["x-kubernetes-int-or-string"] === true) {
    return { max: maxLength(schema) ?? requestBytes - 2, minBytes: 1 };
  }
  switch (textOf(schema["type"])) {
    case "array": {
      const items = itemsSchema(schema);
      const each = items && declaredSize(items, isEmbedded(items));
      if (each === undefined) return undefined;
      const max = limit(schema, "maxItems") ?? Math.floor((requestBytes - 2) / (each.minBytes + 1));
      return { max, minBytes: 2, items: each };
    }
    case "object":
      return objectSize(schema, isResource);
    case "string":
      return textSize(schema);
    case "boolean":
      return { max: 0, minBytes: 4 };
    case "number":
    case "integer":
      return { max: 0, minBytes: 1 };
    default:
      return undefined;
  }
}

function objectSize(schema: JsonObject, isResource: boolean): DeclaredSize | undefined {
  const additional = additionalSchema(schema);
  if (additional !== undefined) {
    const each = declaredSize(additional, isEmbedded(additional));
    if (each === undefined) return undefined;
    const max = limit(schema, "maxProperties") ?? Math.floor((requestBytes - 2) / (each.minBytes + 6));
    return { max, minBytes: 2, items: each, isMap: true };
  }
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const fields = new Map<string, DeclaredSize>();
  let minBytes = 2;
  for (const [name, property] of fieldsOf(schema, isResource)) {
    const size = declaredSize(property, isEmbedded(property));
    if (size === undefined) continue;
    const identifier = celIdentifier(name);
    if (identifier !== undefined) fields.set(identifier, size);
    if (required.has(name) && property["default"] === undefined) minBytes += name.length + size.minBytes + 4;
  }
  return { max: 0, minBytes, fields };
}

function textSize(schema: JsonObject): DeclaredSize {
  switch (textOf(schema["format"])) {
    case "byte":
      return { max: limit(schema, "maxLength") ?? requestBytes - 2, minBytes: 2 };
    case "duration":
      return { max: 32, minBytes: 3 };
    case "date":
      return { max: 12, minBytes: 12 };
    case "date-time":
      return { max: 32, minBytes: 21 };
    default:
      return { max: maxLength(schema) ?? enumLength(schema) ?? requestBytes - 2, minBytes: 2 };
  }
}

/** In bytes: a character has four at most. */
function maxLength(schema: JsonObject): number | undefined {
  const length = limit(schema, "maxLength");
  return length === undefined ? undefined : length * 4;
}

function enumLength(schema: JsonObject): number | undefined {
  const values = schema["enum"];
  if (!Array.isArray(values) || values.length === 0) return undefined;
  return Math.max(0, ...values.map((value) => (typeof value === "string" ? Buffer.byteLength(value) : 0)));
}

function limit(schema: JsonObject, keyword: string): number | undefined {
  const value = schema[keyword];
  return typeof value === "number" || typeof value === "bigint" ? Math.max(0, Number(value)) : undefined;
}

/** How often what is so small can be in one request. */
export function maxCardinality({ minBytes }: DeclaredSize): number {
  return Math.floor(requestBytes / (minBytes + 1));
}

/** By how much a schema multiplies what is below it; undefined without a bound. */
export function maxElements(schema: JsonObject): number | undefined {
  const type = textOf(schema["type"]);
  if (type === "object") return additionalSchema(schema) === undefined ? 1 : limit(schema, "maxProperties");
  return type === "array" ? limit(schema, "maxItems") : 1;
}

/** The sizes of what paths from this root lead to. */
export function sizesBelow(root: DeclaredSize): SizeOfPath {
  return (path) => {
    let node: DeclaredSize | undefined = root;
    for (const name of path.slice(1)) {
      if (name === "@items" || name === "@values") node = node?.items;
      else if (name === "@keys") node = node?.isMap === true ? key : undefined;
      else node = node?.fields?.get(name);
    }
    return node?.max;
  };
}

/** Of keys nothing is known: upstream takes them for empty. */
const key: DeclaredSize = { max: 0, minBytes: 2 };
