import { isJsonObject } from "../json.ts";
import type { JsonValue } from "../object.ts";

/**
 * How values of a type merge (structured-merge-diff, schema/elements.go). A type may allow several forms; a value of
 * none of them is taken for the first: map, scalar, list.
 */
export interface ApplySchema {
  readonly scalar?: "numeric" | "string" | "boolean" | "untyped";
  readonly list?: ListSchema;
  readonly map?: MapSchema;
}

export interface ListSchema {
  /** One value, owned as a whole; otherwise its elements are told apart by their keys or, without keys, by value. */
  readonly atomic: boolean;
  /** Sorted; empty for sets. */
  readonly keys: readonly string[];
  readonly element: ApplySchema;
}

export interface MapSchema {
  /** One value, owned as a whole. */
  readonly atomic: boolean;
  /** A field that the type declares. */
  field(name: string): FieldSchema | undefined;
  /** The type of other fields; undefined where there may be none. */
  readonly element: ApplySchema | undefined;
  /** It declares no fields and takes any: nothing is known of what is in it. */
  readonly free: boolean;
}

export interface FieldSchema {
  readonly schema: ApplySchema;
  /** What an absent field stands for in list keys. */
  readonly default?: JsonValue;
}

/** Values of no known type, owned as a whole. */
export const untypedAtomicSchema: ApplySchema = {
  scalar: "untyped",
  list: {
    atomic: true,
    keys: [],
    get element() {
      return untypedAtomicSchema;
    },
  },
  map: {
    atomic: true,
    field: () => undefined,
    get element() {
      return untypedAtomicSchema;
    },
    free: false,
  },
};

const deduced: ApplySchema = {
  scalar: "untyped",
  list: { atomic: true, keys: [], element: untypedAtomicSchema },
  map: {
    atomic: false,
    field: () => undefined,
    get element() {
      return deduced;
    },
    free: true,
  },
};

/** The schema of values whose type is not known: maps merge by field, lists are one value. */
export function deducedApplySchema(): ApplySchema {
  return deduced;
}

export type SchemaForm = "scalar" | "list" | "map";

/** The form in which a value of this type is handled; "any" where neither the value nor the type tells. */
export function formOf(schema: ApplySchema, value: JsonValue | undefined): SchemaForm | "any" {
  if (value !== undefined && value !== null) {
    const form = Array.isArray(value) ? "list" : isJsonObject(value) ? "map" : "scalar";
    if (schema[form] !== undefined) return form;
  }
  if (schema.map !== undefined) return schema.scalar === undefined && schema.list === undefined ? "map" : "any";
  if (schema.scalar !== undefined) return schema.list === undefined ? "scalar" : "any";
  return "list";
}

/** What "any" comes to. */
export function firstForm(schema: ApplySchema, form: SchemaForm | "any"): SchemaForm {
  if (form !== "any") return form;
  return schema.map !== undefined ? "map" : schema.scalar !== undefined ? "scalar" : "list";
}

/** The type of a field, undefined where the map may not have it. */
export function fieldType(map: MapSchema, name: string): ApplySchema | undefined {
  return map.field(name)?.schema ?? map.element;
}
