import type { JsonValue, TypeRef, TypeTable } from "@podwright/kube";
import type { Struct } from "./defaulting.ts";

/**
 * What Go's encoding/json writes for a struct nobody set anything in: the fields without omitempty, and the
 * structs that are not behind a pointer (omitempty does not omit those).
 */
export function zeroValue(table: TypeTable, structName: string): Struct {
  const value: Struct = {};
  for (const field of table.struct(structName)?.jsonFields.values() ?? []) {
    const omitted = field.omitZero || (field.omitEmpty && (field.pointer || !isGoStruct(field.type)));
    if (!omitted) value[field.name] = field.pointer ? null : zeroOf(table, field.type);
  }
  return value;
}

const goStructs: ReadonlySet<string> = new Set(["quantity", "time", "microTime", "intOrString", "rawExtension"]);

function isGoStruct(type: TypeRef): boolean {
  return type.type === "struct" || (type.type === "special" && goStructs.has(type.special));
}

function zeroOf(table: TypeTable, type: TypeRef): JsonValue {
  switch (type.type) {
    case "scalar":
      return type.scalar === "string" ? "" : type.scalar === "bool" ? false : type.scalar === "bytes" ? null : 0;
    case "special":
      return type.special === "quantity" ? "0" : type.special === "intOrString" ? 0 : null;
    case "struct":
      return zeroValue(table, type.name);
    default:
      return null;
  }
}
