import { compareBytewise } from "../json.ts";
import type { JsonValue } from "../object.ts";
import type { FieldFacts, Scalar, Special, StructFacts, TypeRef, TypeTable } from "../types/facts.ts";
import { nativeTypes } from "../types/table.ts";
import {
  type ApplySchema,
  deducedApplySchema,
  type FieldSchema,
  type ListSchema,
  type MapSchema,
  untypedAtomicSchema,
} from "./apply-schema.ts";

/**
 * How values of a native type merge, e.g. "io.k8s.api.core.v1.Pod": what upstream makes of its published schema
 * (kube-openapi, pkg/schemaconv/openapi.go). Built as far as it is asked of, once.
 *
 * @throws {Error} for names that the type table lacks.
 */
export function nativeApplySchema(structName: string): ApplySchema {
  schemas ??= new NativeApplySchemas(nativeTypes());
  return schemas.struct(structName);
}

let schemas: NativeApplySchemas | undefined;

const scalars: Readonly<Record<Scalar, ApplySchema>> = {
  string: { scalar: "string" },
  bool: { scalar: "boolean" },
  int32: { scalar: "numeric" },
  int64: { scalar: "numeric" },
  uint32: { scalar: "numeric" },
  uint64: { scalar: "numeric" },
  double: { scalar: "numeric" },
  float: { scalar: "numeric" },
  bytes: { scalar: "string" },
};
const untyped: ApplySchema = { scalar: "untyped" };
const specials: Readonly<Record<Special, ApplySchema>> = {
  quantity: untyped,
  time: untyped,
  microTime: untyped,
  duration: scalars.string,
  intOrString: untyped,
  fieldsV1: { map: { atomic: false, field: () => undefined, element: deducedApplySchema(), free: true } },
  rawExtension: untypedAtomicSchema,
  json: deducedApplySchema(),
  schemaOrArray: deducedApplySchema(),
  schemaOrBool: deducedApplySchema(),
  schemaOrStrings: deducedApplySchema(),
};

class NativeApplySchemas {
  readonly #table: TypeTable;
  readonly #structs = new Map<string, ApplySchema>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  struct(name: string): ApplySchema {
    const known = this.#structs.get(name);
    if (known !== undefined) return known;
    const struct = this.#table.struct(name);
    if (struct === undefined) throw new Error(`the type table has no struct ${name}`);
    const schema: ApplySchema = { map: new NativeStructSchema(struct, (field) => this.#field(field)) };
    this.#structs.set(name, schema);
    return schema;
  }

  #field(field: FieldFacts): FieldSchema {
    const defaultValue = field.default ?? (field.zeroDefault ? zeroOf(field.type) : undefined);
    return {
      schema: this.#fieldType(field),
      ...(defaultValue !== undefined && { default: defaultValue }),
    };
  }

  #fieldType(field: FieldFacts): ApplySchema {
    const { type } = field;
    if (type.type === "list") return { list: this.#list(type, field) };
    if (type.type === "map") return { map: this.#map(type, field.mapType === "atomic") };
    const schema = this.#type(type);
    if (type.type !== "struct" || field.mapType === undefined || schema.map === undefined) return schema;
    const atomic = field.mapType === "atomic";
    return schema.map.atomic === atomic ? schema : { map: withAtomic(schema.map, atomic) };
  }

  #type(type: TypeRef): ApplySchema {
    switch (type.type) {
      case "struct":
        return this.struct(type.name);
      case "list":
        return { list: this.#list(type) };
      case "map":
        return { map: this.#map(type, false) };
      case "scalar":
        return scalars[type.scalar];
      case "special":
        return specials[type.special];
    }
  }

  #list(type: Extract<TypeRef, { type: "list" }>, field?: FieldFacts): ListSchema {
    const merges = field?.listType === undefined && field?.patchStrategies.includes("merge") === true;
    const mergeKeys = merges && field?.patchMergeKey !== undefined ? [field.patchMergeKey] : [];
    const element = (): ApplySchema => this.#type(type.element);
    return {
      atomic: field?.listType === undefined ? !merges : field.listType === "atomic",
      keys: field?.listType === "map" ? [...(field.listMapKeys ?? [])].sort(compareBytewise) : mergeKeys,
      get element() {
        return element();
      },
    };
  }

  #map(type: Extract<TypeRef, { type: "map" }>, atomic: boolean): MapSchema {
    const element = (): ApplySchema => this.#type(type.value);
    return {
      atomic,
      field: () => undefined,
      get element() {
        return element();
      },
      free: false,
    };
  }
}

class NativeStructSchema implements MapSchema {
  readonly atomic: boolean;
  readonly free: boolean;
  readonly element: ApplySchema | undefined;
  readonly #struct: StructFacts;
  readonly #build: (field: FieldFacts) => FieldSchema;
  readonly #fields = new Map<string, FieldSchema>();

  constructor(struct: StructFacts, build: (field: FieldFacts) => FieldSchema) {
    this.#struct = struct;
    this.#build = build;
    this.atomic = struct.mapType === "atomic";
    this.free = struct.jsonFields.size === 0;
    this.element = this.free ? deducedApplySchema() : undefined;
  }

  field(name: string): FieldSchema | undefined {
    const known = this.#fields.get(name);
    if (known !== undefined) return known;
    const facts = this.#struct.jsonFields.get(name);
    if (facts === undefined) return undefined;
    const field = this.#build(facts);
    this.#fields.set(name, field);
    return field;
  }
}

function withAtomic(map: MapSchema, atomic: boolean): MapSchema {
  return { atomic, field: (name) => map.field(name), element: map.element, free: map.free };
}

function zeroOf(type: TypeRef): JsonValue | undefined {
  if (type.type === "struct") return {};
  if (type.type !== "scalar" || type.scalar === "bytes") return undefined;
  return type.scalar === "string" ? "" : type.scalar === "bool" ? false : 0;
}
