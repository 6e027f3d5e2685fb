import type { TypeRef } from "./facts.ts";

/** How protobuf writes a value of a type: 0 a varint, 1 eight bytes, 2 a length and bytes, 5 four bytes. */
export function wireTypeOf(type: TypeRef): number {
  if (type.type !== "scalar") return 2;
  switch (type.scalar) {
    case "string":
    case "bytes":
      return 2;
    case "double":
      return 1;
    case "float":
      return 5;
    default:
      return 0;
  }
}
