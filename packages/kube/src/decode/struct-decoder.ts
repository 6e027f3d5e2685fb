import { isJsonObject, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { FieldFacts, Scalar, Special, TypeRef, TypeTable } from "../types/facts.ts";
import { isAlwaysWritten, type Omission, omission, schemaStruct, zeroOf } from "./go-zeros.ts";
import { canonicalMicroTimeText, canonicalTimeText } from "./time.ts";
import { canonicalBase64, canonicalQuantityText } from "./values.ts";

/**
 * Turns a JSON value into what Go would write after reading it into the type. A value of the wrong type throws
 * {@link WrongType}, any other error is the value's own; what the message is to be, diagnose.ts finds out.
 */
export type Decoder = (value: JsonValue, state: DecodeState) => JsonValue;

export interface DecodeState {
  /** Some object has a field that its struct has not. */
  unknown: boolean;
}

/** A value of another type than the field's. Carries nothing: thrown on the fast way, explained on the slow one. */
class WrongType extends Error {}

/** Builds the decoders of structs, each when it is first needed. */
export class DecoderCompiler {
  readonly #table: TypeTable;
  readonly #structs = new Map<string, Decoder>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  /** The decoder of a struct, e.g. "io.k8s.api.core.v1.Pod". Throws for names that the table lacks. */
  struct(name: string): Decoder {
    const known = this.#structs.get(name);
    if (known !== undefined) return known;
    const facts = this.#table.struct(name);
    if (facts === undefined) throw new Error(`the type table has no struct ${name}`);
    const decoder = this.#build([...facts.jsonFields.values()]);
    this.#structs.set(name, decoder);
    return decoder;
  }

  /**
   * Objects come out with their fields in Go's order, whatever order they had, so that equal objects are equal text.
   * Values are decoded in the order they came and put in their slots, then the slots are read in Go's order.
   */
  #build(fields: FieldFacts[]): Decoder {
    const names = fields.map((field) => field.name);
    const slotOf = new Map(names.map((name, slot) => [name, slot]));
    const count = fields.length;
    // Types may contain themselves: decoders of fields are built at the first value.
    const decoders: (Decoder | undefined)[] = new Array(count).fill(undefined);
    const zeros: (Decoder | undefined)[] = fields.map((field) =>
      isAlwaysWritten(field) ? this.#zero(field) : undefined,
    );
    const omits = fields.map(omission);

    return (value, state) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw new WrongType();
      const slots: (JsonValue | undefined)[] = new Array(count);
      for (const key in value) {
        const slot = slotOf.get(key);
        if (slot === undefined) {
          state.unknown = true;
          continue;
        }
        const field = value[key];
        if (field === undefined || field === null) continue;
        let decoder = decoders[slot];
        if (decoder === undefined) {
          decoder = this.#type((fields[slot] as FieldFacts).type);
          decoders[slot] = decoder;
        }
        slots[slot] = decoder(field, state);
      }
      const out: JsonObject = {};
      for (let slot = 0; slot < count; slot++) {
        const field = slots[slot];
        if (field === undefined) {
          const zero = zeros[slot];
          if (zero !== undefined) out[names[slot] as string] = zero(null, state);
        } else if (!(omits[slot] as Omission)(field)) out[names[slot] as string] = field;
      }
      return out;
    };
  }

  #type(type: TypeRef): Decoder {
    switch (type.type) {
      case "struct":
        return this.struct(type.name);
      case "list":
        return this.#list(type.element);
      case "map":
        return this.#map(type.value);
      case "scalar":
        return scalarDecoders[type.scalar];
      case "special":
        return this.#special(type.special);
    }
  }

  #list(elementType: TypeRef): Decoder {
    const element = this.#type(elementType);
    const zero = this.#zeroOf(elementType);
    return (value, state) => {
      if (!Array.isArray(value)) throw new WrongType();
      const out: JsonValue[] = new Array(value.length);
      for (let i = 0; i < value.length; i++) {
        const item = value[i];
        out[i] = item === null || item === undefined ? zero(null, state) : element(item, state);
      }
      return out;
    };
  }

  #map(valueType: TypeRef): Decoder {
    const element = this.#type(valueType);
    const zero = this.#zeroOf(valueType);
    return (value, state) => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw new WrongType();
      const keys = Object.keys(value);
      if (keys.length > 1) keys.sort();
      const out: JsonObject = {};
      for (const key of keys) {
        const item = value[key];
        if (item === undefined) continue;
        setField(out, key, item === null ? zero(null, state) : element(item, state));
      }
      return out;
    };
  }

  #special(special: Special): Decoder {
    switch (special) {
      case "quantity":
        return decodeQuantity;
      case "time":
        return (value) => canonicalTimeText(text(value));
      case "microTime":
        return (value) => canonicalMicroTimeText(text(value));
      case "intOrString":
        return (value) => (typeof value === "string" ? value : decodeInt32(value));
      case "duration":
        return text;
      case "fieldsV1":
      case "rawExtension":
      case "json":
        return (value) => value;
      case "schemaOrArray": {
        const schema = this.#lenientSchema();
        return (value, state) => {
          if (!Array.isArray(value)) return isJsonObject(value) ? schema(value, state) : null;
          return value.length === 0 ? null : value.map((item) => schema(item ?? {}, state));
        };
      }
      case "schemaOrBool": {
        const schema = this.#lenientSchema();
        return (value, state) => {
          if (typeof value === "boolean") return value;
          if (!isJsonObject(value)) throw new WrongType();
          return schema(value, state);
        };
      }
      case "schemaOrStrings": {
        const schema = this.#lenientSchema();
        return (value, state) => {
          if (!Array.isArray(value)) return isJsonObject(value) ? schema(value, state) : null;
          return value.length === 0 ? null : value.map((item) => (item === null ? "" : text(item)));
        };
      }
    }
  }

  /** Upstream reads schemas that are values of the three union types with a decoder of its own, which is not strict. */
  #lenientSchema(): Decoder {
    let schema: Decoder | undefined;
    return (value) => {
      schema ??= this.struct(schemaStruct);
      return schema(value, { unknown: false });
    };
  }

  #zero(field: FieldFacts): Decoder {
    return field.pointer ? () => null : this.#zeroOf(field.type);
  }

  #zeroOf(type: TypeRef): Decoder {
    if (type.type !== "struct") return zeroOf(type);
    let struct: Decoder | undefined;
    return (_value, state) => {
      struct ??= this.struct(type.name);
      return struct({}, state);
    };
  }
}

const decodeInt32 = integer(-(2n ** 31n), 2n ** 31n - 1n);

const scalarDecoders: Readonly<Record<Scalar, Decoder>> = {
  string: text,
  bool: (value) => {
    if (typeof value !== "boolean") throw new WrongType();
    return value;
  },
  int32: decodeInt32,
  int64: integer(-(2n ** 63n), 2n ** 63n - 1n),
  uint32: integer(0n, 2n ** 32n - 1n),
  uint64: integer(0n, 2n ** 64n - 1n),
  double: float,
  float: float,
  bytes: (value) => {
    const bytes = canonicalBase64(text(value));
    if (typeof bytes === "number") throw new WrongType();
    return bytes;
  },
};

function text(value: JsonValue): string {
  if (typeof value !== "string") throw new WrongType();
  return value;
}

function float(value: JsonValue): number | bigint {
  if (typeof value !== "number" && typeof value !== "bigint") throw new WrongType();
  return value;
}

function integer(min: bigint, max: bigint): (value: JsonValue) => number | bigint {
  const low = Math.max(Number(min), Number.MIN_SAFE_INTEGER);
  const high = Math.min(Number(max), Number.MAX_SAFE_INTEGER);
  return (value) => {
    if (typeof value === "number" && value >= low && value <= high && Number.isInteger(value)) return value;
    if (typeof value === "bigint" && value >= min && value <= max) return value;
    throw new WrongType();
  };
}

function decodeQuantity(value: JsonValue): string {
  if (typeof value === "string") return canonicalQuantityText(value);
  if (typeof value === "number" || typeof value === "bigint") return canonicalQuantityText(String(value));
  throw new WrongType();
}
