import { readFileSync } from "node:fs";
import type { JsonValue } from "../object.ts";
import type { FieldFacts, SubresourceFacts, TypeRef, UnionFacts } from "./facts.ts";

/** native.json as scripts/typegen writes it. */
export interface NativeRows {
  /** "core/v1" → "io.k8s.api.core.v1" */
  packages: Record<string, string>;
  /** The group versions that know DeleteOptions and the like: "v1", "apps/v1". */
  optionVersions: string[];
  versions: VersionRow[];
  /** By package and name: "core/v1.PodSpec". */
  struct(name: string): StructRow | undefined;
}

export interface VersionRow {
  group: string;
  version: string;
  /** Where its kinds are declared, e.g. "rbac/v1". */
  package: string;
  kinds: KindRow[];
}

export interface KindRow {
  kind: string;
  plural: string;
  singular: string;
  namespaced: boolean;
  shortNames?: string[];
  categories?: string[];
  verbs: string[];
  storageVersionHash?: string;
  subresources?: SubresourceFacts[];
}

/** A row for each field, then at most one object with what the struct itself has. */
export type StructRow = (FieldRow | StructExtras)[];

export interface StructExtras {
  mapType?: "atomic" | "granular";
  unions?: UnionFacts[];
}

/**
 * JSON name ("" for an embedded struct), protobuf number, type, flags, rarer facts. Flags: i inline, o omitempty,
 * z omitzero, r required, d defaults to the zero value.
 */
export type FieldRow = [name: string, proto: number, type: string, flags?: string, extras?: FieldExtras];

export interface FieldExtras {
  default?: JsonValue;
  enum?: string[];
  elementEnum?: string[];
  listType?: "atomic" | "set" | "map";
  listMapKeys?: string[];
  mapType?: "atomic" | "granular";
  patchStrategy?: string;
  patchMergeKey?: string;
  /** Of a named list or map type. */
  goType?: string;
}

/**
 * Reads the table, 150 KB. A program needs few of its 600 structs, which read take seven times the room of their text:
 * each stands on a line of its own, and is read when it is asked for.
 */
export function readNativeRows(): NativeRows {
  const text = readFileSync(new URL("./native.json", import.meta.url), "utf8");
  const start = text.indexOf(structsStart);
  const lineAt = new Map<string, number>();
  for (let at = start + structsStart.length; text[at] === '"'; at = text.indexOf("\n", at) + 1) {
    lineAt.set(text.slice(at + 1, text.indexOf('"', at + 1)), at);
  }
  return {
    ...(JSON.parse(`${text.slice(0, start)}}`) as Omit<NativeRows, "struct">),
    struct: (name) => {
      const at = lineAt.get(name);
      if (at === undefined) return undefined;
      const row = text.slice(at + name.length + 3, text.indexOf("\n", at)).replace(/,$|\}\}$/, "");
      return JSON.parse(row) as StructRow;
    },
  };
}

const structsStart = ',\n"structs":{\n';

const specials: ReadonlySet<string> = new Set([
  "quantity",
  "time",
  "microTime",
  "duration",
  "intOrString",
  "fieldsV1",
  "rawExtension",
  "json",
  "schemaOrArray",
  "schemaOrBool",
  "schemaOrStrings",
]);
const scalars: ReadonlySet<string> = new Set([
  "string",
  "bool",
  "int32",
  "int64",
  "uint32",
  "uint64",
  "double",
  "float",
  "bytes",
]);

/** Reads a field's row; `structName` turns "PodSpec" or "core/v1.PodSpec" into the full name. */
export function readField(row: FieldRow, structName: (shortName: string) => string): FieldFacts {
  const [name, proto, typeText, flags = "", extras = {}] = row;
  const pointer = typeText.startsWith("*");
  const type = readType(pointer ? typeText.slice(1) : typeText, structName);
  if (extras.goType !== undefined && (type.type === "list" || type.type === "map")) type.goType = extras.goType;
  const inline = flags.includes("i");
  const values = extras.enum ?? extras.elementEnum;
  return {
    name: inline && type.type === "struct" ? type.name.slice(type.name.lastIndexOf(".") + 1) : name,
    proto,
    type,
    pointer,
    required: flags.includes("r"),
    omitEmpty: flags.includes("o"),
    omitZero: flags.includes("z"),
    inline,
    zeroDefault: flags.includes("d"),
    patchStrategies: extras.patchStrategy?.split(",") ?? [],
    ...(values !== undefined && { enum: values }),
    ...(extras.default !== undefined && { default: extras.default }),
    ...(extras.patchMergeKey !== undefined && { patchMergeKey: extras.patchMergeKey }),
    ...(extras.listType !== undefined && { listType: extras.listType }),
    ...(extras.listMapKeys !== undefined && { listMapKeys: extras.listMapKeys }),
    ...(extras.mapType !== undefined && { mapType: extras.mapType }),
  };
}

/** Reads "[]" lists, "@[]" lists that protobuf wraps, "{}" maps, and scalars with their Go type: "string:v1.Protocol". */
function readType(text: string, structName: (shortName: string) => string): TypeRef {
  if (text.startsWith("[]")) return { type: "list", element: readType(text.slice(2), structName) };
  if (text.startsWith("@[]")) return { type: "list", element: readType(text.slice(3), structName), message: true };
  if (text.startsWith("{}")) return { type: "map", value: readType(text.slice(2), structName) };
  if (specials.has(text)) return { type: "special", special: text as Extract<TypeRef, { type: "special" }>["special"] };
  const colon = text.indexOf(":");
  const scalar = colon < 0 ? text : text.slice(0, colon);
  if (scalars.has(scalar)) {
    const type = { type: "scalar", scalar: scalar as Extract<TypeRef, { type: "scalar" }>["scalar"] } as const;
    return colon < 0 ? type : { ...type, goType: text.slice(colon + 1) };
  }
  return { type: "struct", name: structName(text) };
}
