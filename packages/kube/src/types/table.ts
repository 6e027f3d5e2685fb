import type { PatchField, PatchSchema } from "../patch-schema.ts";
import type { FieldFacts, KindFacts, StructFacts, TypeRef, TypeTable } from "./facts.ts";
import {
  type FieldRow,
  type NativeRows,
  readField,
  readNativeRows,
  type StructExtras,
  type VersionRow,
} from "./rows.ts";

let table: TypeTable | undefined;

/** The facts on every kind that kube-apiserver 1.35 serves in a generally available version. Read once, when first asked for. */
export function nativeTypes(): TypeTable {
  table ??= new NativeTypeTable(readNativeRows());
  return table;
}

/** Kinds that every group version knows (k8s.io/apimachinery/pkg/apis/meta/v1/register.go, AddToGroupVersion). */
const kindsOfEveryGroup: ReadonlySet<string> = new Set([
  "CreateOptions",
  "DeleteOptions",
  "GetOptions",
  "ListOptions",
  "PatchOptions",
  "UpdateOptions",
  "WatchEvent",
]);
/** Kinds of version v1 of the core group that are declared beside its others. */
const unversionedKinds: ReadonlySet<string> = new Set([
  "Status",
  "APIVersions",
  "APIGroup",
  "APIGroupList",
  "APIResourceList",
]);
/** Kinds in groups that are not served: what webhooks answer, and the metadata of any object. */
const bodyPackages: Readonly<Record<string, string>> = {
  "admission.k8s.io/v1": "admission/v1",
  "meta.k8s.io/v1": "meta/v1",
};

type MapType = StructFacts["mapType"];

class NativeTypeTable implements TypeTable {
  readonly #rows: NativeRows;
  /** "io.k8s.api.core.v1" → "core/v1" */
  readonly #packages = new Map<string, string>();
  readonly #structs = new Map<string, StructFacts>();
  readonly #mapTypes = new Map<string, MapType | undefined>();
  readonly #patchSchemas = new Map<string, PatchSchema>();
  #kinds: readonly KindFacts[] | undefined;
  #kindIndex: ReadonlyMap<string, KindFacts> | undefined;

  constructor(rows: NativeRows) {
    this.#rows = rows;
    for (const [short, full] of Object.entries(rows.packages)) this.#packages.set(full, short);
  }

  get kinds(): readonly KindFacts[] {
    this.#kinds ??= this.#rows.versions.flatMap((version) => this.#kindsOf(version));
    return this.#kinds;
  }

  get optionVersions(): readonly string[] {
    return this.#rows.optionVersions;
  }

  kind(group: string, version: string, kind: string): KindFacts | undefined {
    this.#kindIndex ??= new Map(this.kinds.map((facts) => [`${facts.group}/${facts.version}/${facts.kind}`, facts]));
    return this.#kindIndex.get(`${group}/${version}/${kind}`);
  }

  struct(name: string): StructFacts | undefined {
    const known = this.#structs.get(name);
    if (known !== undefined) return known;
    const dot = name.lastIndexOf(".");
    const packageName = this.#packages.get(name.slice(0, dot));
    if (packageName === undefined) return undefined;
    const goName = name.slice(dot + 1);
    const key = `${packageName}.${goName}`;
    const row = this.#rows.struct(key);
    if (row === undefined) return undefined;

    const fields = new Map<string, FieldFacts>();
    let extras: StructExtras = {};
    for (const cells of row) {
      if (!Array.isArray(cells)) extras = cells;
      else {
        const field = this.#field(cells, packageName);
        fields.set(field.name, field);
      }
    }
    const struct: StructFacts = { name, goName, fields, jsonFields: this.#jsonFields(fields), ...extras };
    this.#structs.set(name, struct);
    return struct;
  }

  structOfKind(group: string, version: string, kind: string): StructFacts | undefined {
    if (kindsOfEveryGroup.has(kind)) return this.struct(`${this.#rows.packages["meta/v1"]}.${kind}`);
    const packageName =
      group === "" && unversionedKinds.has(kind)
        ? "meta/v1"
        : (this.#rows.versions.find((row) => row.group === group && row.version === version)?.package ??
          bodyPackages[`${group}/${version}`]);
    if (packageName === undefined) return undefined;
    const struct = this.struct(`${this.#rows.packages[packageName]}.${kind}`);
    return struct?.fields.has("TypeMeta") ? struct : undefined;
  }

  patchSchema(structName: string): PatchSchema {
    const known = this.#patchSchemas.get(structName);
    if (known !== undefined) return known;
    const struct = this.struct(structName);
    if (struct === undefined) throw new Error(`the type table has no struct ${structName}`);
    const fields = new Map<string, PatchField>();
    const schema: PatchSchema = {
      field: (name) => {
        const built = fields.get(name);
        if (built !== undefined) return built;
        const facts = struct.jsonFields.get(name);
        if (facts === undefined) return undefined;
        const element = this.#elementSchema(facts.type);
        const field: PatchField = {
          strategies: facts.patchStrategies,
          ...(facts.patchMergeKey !== undefined && { mergeKey: facts.patchMergeKey }),
          ...(element !== undefined && { element }),
        };
        fields.set(name, field);
        return field;
      },
    };
    this.#patchSchemas.set(structName, schema);
    return schema;
  }

  #elementSchema(type: TypeRef): PatchSchema | undefined {
    switch (type.type) {
      case "struct":
        return this.patchSchema(type.name);
      case "list":
        return this.#elementSchema(type.element);
      case "map":
        return this.#elementSchema(type.value);
      default:
        return undefined;
    }
  }

  #field(row: FieldRow, packageName: string): FieldFacts {
    const field = readField(row, (short) => {
      const dot = short.indexOf(".");
      const [from, name] = dot < 0 ? [packageName, short] : [short.slice(0, dot), short.slice(dot + 1)];
      return `${this.#rows.packages[from]}.${name}`;
    });
    if (field.mapType === undefined && field.type.type === "struct") {
      const mapType = this.#mapTypeOf(field.type.name);
      if (mapType !== undefined) field.mapType = mapType;
    }
    return field;
  }

  /** Read from the row alone: structs may contain themselves. */
  #mapTypeOf(structName: string): MapType | undefined {
    if (this.#mapTypes.has(structName)) return this.#mapTypes.get(structName);
    const dot = structName.lastIndexOf(".");
    const row = this.#rows.struct(`${this.#packages.get(structName.slice(0, dot))}${structName.slice(dot)}`);
    const extras = row?.at(-1);
    const mapType = extras === undefined || Array.isArray(extras) ? undefined : extras.mapType;
    this.#mapTypes.set(structName, mapType);
    return mapType;
  }

  #jsonFields(fields: ReadonlyMap<string, FieldFacts>): ReadonlyMap<string, FieldFacts> {
    let hasInline = false;
    for (const field of fields.values()) hasInline ||= field.inline;
    if (!hasInline) return fields;
    const flat = new Map<string, FieldFacts>();
    for (const field of fields.values()) {
      if (!field.inline) flat.set(field.name, field);
      else if (field.type.type === "struct") {
        for (const [name, inner] of this.struct(field.type.name)?.jsonFields ?? []) flat.set(name, inner);
      }
    }
    return flat;
  }

  #kindsOf(version: VersionRow): KindFacts[] {
    return version.kinds.map((row) => ({
      group: version.group,
      version: version.version,
      kind: row.kind,
      plural: row.plural,
      singular: row.singular,
      listKind: `${row.kind}List`,
      namespaced: row.namespaced,
      shortNames: row.shortNames ?? [],
      categories: row.categories ?? [],
      verbs: row.verbs,
      subresources: row.subresources ?? [],
      ...(row.storageVersionHash !== undefined && { storageVersionHash: row.storageVersionHash }),
      type: `${this.#rows.packages[version.package]}.${row.kind}`,
    }));
  }
}
