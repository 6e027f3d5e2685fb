import { messageOf } from "../error-message.ts";
import { isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { FieldFacts, Scalar, Special, StructFacts, TypeRef, TypeTable } from "../types/facts.ts";
import { schemaStruct } from "./go-zeros.ts";
import { canonicalMicroTimeText, canonicalTimeText } from "./time.ts";
import { canonicalBase64, canonicalQuantityText } from "./values.ts";

export interface Diagnosis {
  /** Paths of unknown fields in order of appearance, each once, at most 100: "spec.containers[0].x". */
  unknown: string[];
  /** Why the value cannot be read, in the words of Go's decoder. */
  error?: string;
}

/**
 * Walks a value in the order it was written and says what Go's decoder would complain about
 * (sigs.k8s.io/json, internal/golang/encoding/json/decode.go). It is slow and only used when there is a complaint.
 */
export function diagnose(value: JsonValue, struct: StructFacts, table: TypeTable): Diagnosis {
  const walk = new Walk(table, true);
  try {
    walk.type({ type: "struct", name: struct.name }, value, "");
  } catch (error) {
    if (!(error instanceof Abort)) throw error;
    return { unknown: [], error: error.message };
  }
  return { unknown: [...walk.unknown], ...(walk.error !== undefined && { error: walk.error }) };
}

/** Go's decoder goes on after a value of the wrong type and reports the first; a type's own UnmarshalJSON failing ends it. */
class Abort extends Error {}

const maxUnknown = 100;

class Walk {
  readonly unknown = new Set<string>();
  error: string | undefined;
  readonly #table: TypeTable;
  readonly #strict: boolean;
  #struct = "";
  #fields: string[] = [];

  constructor(table: TypeTable, strict: boolean) {
    this.#table = table;
    this.#strict = strict;
  }

  type(type: TypeRef, value: JsonValue, path: string): void {
    if (value === null) return;
    switch (type.type) {
      case "struct":
        if (!isJsonObject(value)) this.#wrongType(value, type);
        else this.#object(this.#table.struct(type.name) as StructFacts, value, path);
        return;
      case "list":
        if (!Array.isArray(value)) this.#wrongType(value, type);
        else for (const [i, item] of value.entries()) this.type(type.element, item, `${path}[${i}]`);
        return;
      case "map":
        if (!isJsonObject(value)) this.#wrongType(value, type);
        else {
          for (const [key, item] of Object.entries(value)) {
            if (item !== undefined) this.type(type.value, item, join(path, key));
          }
        }
        return;
      case "scalar":
        this.#scalar(type.scalar, value, type);
        return;
      case "special":
        this.#special(type.special, value);
    }
  }

  #object(struct: StructFacts, value: JsonObject, path: string): void {
    const outerStruct = this.#struct;
    const outerFields = this.#fields;
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue;
      const way = wayTo(struct, key, this.#table);
      if (way === undefined) {
        if (this.#strict && this.unknown.size < maxUnknown) this.unknown.add(join(path, key));
        continue;
      }
      this.#struct = struct.goName;
      this.#fields = [...outerFields, ...way.embedded, key];
      this.type(way.field.type, item, join(path, key));
    }
    this.#struct = outerStruct;
    this.#fields = outerFields;
  }

  #scalar(scalar: Scalar, value: JsonValue, type: TypeRef): void {
    switch (scalar) {
      case "string":
        if (typeof value !== "string") this.#wrongType(value, type);
        return;
      case "bool":
        if (typeof value !== "boolean") this.#wrongType(value, type);
        return;
      case "double":
      case "float":
        if (!isNumber(value)) this.#wrongType(value, type);
        return;
      case "bytes": {
        const bytes = typeof value === "string" ? canonicalBase64(value) : this.#wrongType(value, type);
        if (typeof bytes === "number") this.error ??= `illegal base64 data at input byte ${bytes}`;
        return;
      }
      default:
        if (!isNumber(value)) this.#wrongType(value, type);
        else if (!fits(value, scalar)) this.#wrongType(value, type, `number ${value}`);
    }
  }

  #special(special: Special, value: JsonValue): void {
    switch (special) {
      case "quantity":
        attempt(() => canonicalQuantityText(typeof value === "object" ? JSON.stringify(value) : String(value)));
        return;
      case "time":
        if (typeof value !== "string") throw this.#abort(value, "string");
        attempt(() => canonicalTimeText(value));
        return;
      case "microTime":
        if (typeof value !== "string") throw this.#abort(value, "string");
        attempt(() => canonicalMicroTimeText(value));
        return;
      case "duration":
        if (typeof value !== "string") throw this.#abort(value, "string");
        return;
      case "intOrString":
        if (typeof value === "string") return;
        if (!isNumber(value)) throw this.#abort(value, "int32");
        if (!fits(value, "int32")) throw this.#abort(value, "int32", `number ${value}`);
        return;
      case "schemaOrBool":
        if (typeof value === "boolean") return;
        if (!isJsonObject(value)) throw new Abort("boolean or JSON schema expected");
        this.#ownDecoder({ type: "struct", name: schemaStruct }, value);
        return;
      case "schemaOrArray":
        if (isJsonObject(value)) this.#ownDecoder({ type: "struct", name: schemaStruct }, value);
        else if (Array.isArray(value)) {
          this.#ownDecoder({ type: "list", element: { type: "struct", name: schemaStruct } }, value);
        }
        return;
      case "schemaOrStrings":
        if (isJsonObject(value)) this.#ownDecoder({ type: "struct", name: schemaStruct }, value);
        else if (Array.isArray(value)) {
          this.#ownDecoder({ type: "list", element: { type: "scalar", scalar: "string" } }, value);
        }
        return;
      default:
    }
  }

  /** A value that its type's UnmarshalJSON reads with another decoder: its unknown fields pass, its error ends all. */
  #ownDecoder(type: TypeRef, value: JsonValue): void {
    const inner = new Walk(this.#table, false);
    inner.#struct = this.#struct;
    inner.#fields = this.#fields;
    inner.type(type, value, "");
    if (inner.error !== undefined) throw new Abort(inner.error);
  }

  #wrongType(value: JsonValue, type: TypeRef, described = describe(value)): void {
    this.error ??= this.#message(described, goTypeName(type));
  }

  #abort(value: JsonValue, goType: string, described = describe(value)): Abort {
    return new Abort(this.#message(described, goType));
  }

  #message(described: string, goType: string): string {
    const target = this.#fields.length > 0 ? `Go struct field ${this.#struct}.${this.#fields.join(".")}` : "Go value";
    return `json: cannot unmarshal ${described} into ${target} of type ${goType}`;
  }
}

/** The field of a JSON name, and the Go names of the embedded structs it is in. */
function wayTo(
  struct: StructFacts,
  name: string,
  table: TypeTable,
): { field: FieldFacts; embedded: string[] } | undefined {
  for (const field of struct.fields.values()) {
    if (!field.inline) {
      if (field.name === name) return { field, embedded: [] };
    } else if (field.type.type === "struct") {
      const inner = table.struct(field.type.name);
      const way = inner && wayTo(inner, name, table);
      if (way !== undefined) return { field: way.field, embedded: [field.name, ...way.embedded] };
    }
  }
  return undefined;
}

/** The name that Go prints for a type: "int32", "[]v1.Container". */
function goTypeName(type: TypeRef): string {
  switch (type.type) {
    case "struct": {
      const [packageName, name] = type.name.split(".").slice(-2);
      return `${packageName}.${name}`;
    }
    case "list":
      return type.goType ?? `[]${goTypeName(type.element)}`;
    case "map":
      return type.goType ?? `map[string]${goTypeName(type.value)}`;
    case "scalar":
      return type.goType ?? scalarGoTypes[type.scalar] ?? type.scalar;
    case "special":
      return specialGoTypes[type.special];
  }
}

const scalarGoTypes: Partial<Record<Scalar, string>> = { double: "float64", float: "float32", bytes: "[]uint8" };
const specialGoTypes: Readonly<Record<Special, string>> = {
  quantity: "resource.Quantity",
  time: "v1.Time",
  microTime: "v1.MicroTime",
  duration: "v1.Duration",
  intOrString: "intstr.IntOrString",
  fieldsV1: "v1.FieldsV1",
  rawExtension: "runtime.RawExtension",
  json: "v1.JSON",
  schemaOrArray: "v1.JSONSchemaPropsOrArray",
  schemaOrBool: "v1.JSONSchemaPropsOrBool",
  schemaOrStrings: "v1.JSONSchemaPropsOrStringArray",
};

function describe(value: JsonValue): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (isNumber(value)) return "number";
  return Array.isArray(value) ? "array" : "object";
}

function fits(value: number | bigint, scalar: Scalar): boolean {
  if (typeof value === "number" && !Number.isSafeInteger(value)) return false;
  const number = BigInt(value);
  switch (scalar) {
    case "int32":
      return BigInt.asIntN(32, number) === number;
    case "uint32":
      return BigInt.asUintN(32, number) === number;
    case "uint64":
      return BigInt.asUintN(64, number) === number;
    default:
      return BigInt.asIntN(64, number) === number;
  }
}

function attempt(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    throw new Abort(messageOf(error));
  }
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

function isNumber(value: JsonValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
