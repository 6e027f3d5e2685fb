import { isJsonObject, type JsonValue } from "@podwright/kube";
import type { Definition } from "./definition.ts";

/** Formats that values are checked against, by type (k8s.io/apiextensions-apiserver/pkg/apiserver/validation/formats.go). */
const known: ReadonlySet<string> = new Set([
  "bsonobjectid",
  "uri",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "cidr",
  "mac",
  "uuid",
  "uuid3",
  "uuid4",
  "uuid5",
  "isbn",
  "isbn10",
  "isbn13",
  "creditcard",
  "ssn",
  "hexcolor",
  "rgbcolor",
  "byte",
  "password",
  "date",
  "duration",
  "datetime",
  "k8s-short-name",
  "k8s-long-name",
]);
/** Hints for numbers and integers, and what is a format by another name. */
const hints: ReadonlySet<string> = new Set(["int32", "int64", "float", "double", "int-or-string"]);

/** Formats of string schemas that nothing is known about, each once, in the order of the schema. */
export function unrecognizedFormats(definition: Definition): string[] {
  const found = new Set<string>();
  for (const version of definition.spec.versions ?? []) collect(version.schema?.openAPIV3Schema, found);
  return [...found];
}

function collect(schema: JsonValue | undefined, found: Set<string>): void {
  if (Array.isArray(schema)) {
    for (const each of schema) collect(each, found);
    return;
  }
  if (!isJsonObject(schema)) return;
  const { format, type } = schema;
  if (typeof format === "string" && format !== "" && type === "string" && !isRecognized(format)) found.add(format);
  for (const keyword of ["properties"]) {
    const properties = schema[keyword];
    if (isJsonObject(properties)) for (const each of Object.values(properties)) collect(each, found);
  }
  for (const keyword of ["items", "additionalProperties", "allOf", "anyOf", "oneOf", "not"])
    collect(schema[keyword], found);
}

function isRecognized(format: string): boolean {
  const plain = format.replaceAll("-", "");
  return known.has(format) || known.has(plain) || hints.has(format);
}
