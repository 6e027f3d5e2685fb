import { zeroOf as goZeroOf, schemaStruct } from "../decode/go-zeros.ts";
import { compareBytewise, isJsonObject } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { FieldFacts, Scalar, Special, TypeRef, TypeTable } from "../types/facts.ts";
import { wireTypeOf } from "../types/wire-type.ts";
import { writeIntOrString, writeMicroTime, writeQuantity, writeRaw, writeTime } from "./special-values.ts";
import { WireWriter } from "./wire-writer.ts";

/** Writes the body of a message. All writing goes from the end to the beginning. */
export type MessageWriter = (writer: WireWriter, object: JsonObject) => void;
/** Writes a value that is there, with its length where it has one, without its field's number. */
type ValueWriter = (writer: WireWriter, value: JsonValue) => void;

/**
 * Writes JSON values of native types as upstream's generated code writes its structs
 * (k8s.io/code-generator/cmd/go-to-protobuf): fields by their numbers, those that are no pointers also when they are
 * zero, maps by their keys. Values must have the form that {@link decodeNative} gives them.
 */
export class EncoderCompiler {
  readonly #table: TypeTable;
  readonly #messages = new Map<string, MessageWriter>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  /** The writer of a struct's message. Throws for names that the table lacks. */
  message(structName: string): MessageWriter {
    const known = this.#messages.get(structName);
    if (known !== undefined) return known;
    const struct = this.#table.struct(structName);
    if (struct === undefined) throw new Error(`the type table has no struct ${structName}`);
    const facts = [...struct.fields.values()].filter(({ proto }) => proto > 0).sort((a, b) => b.proto - a.proto);
    // Types may contain themselves: writers of fields are built at the first value.
    let fields: MessageWriter[] | undefined;
    const message: MessageWriter = (writer, object) => {
      fields ??= facts.map((field) => this.#field(field));
      for (let i = 0; i < fields.length; i++) (fields[i] as MessageWriter)(writer, object);
    };
    this.#messages.set(structName, message);
    return message;
  }

  #field(facts: FieldFacts): MessageWriter {
    const { type, name } = facts;
    const tag = facts.proto * 8 + wireTypeOf(type.type === "list" && !type.message ? type.element : type);
    if (facts.inline) {
      const write = this.#value(type);
      return (writer, object) => {
        write(writer, object);
        writer.varint(tag);
      };
    }
    if (type.type === "list" && !type.message) return listField(name, tag, this.#value(type.element));
    if (type.type === "map") return this.#mapField(name, tag, type.value);
    const write = this.#value(type);
    const absent = facts.pointer ? undefined : zeroField(type, tag, write);
    return (writer, object) => {
      const value = object[name];
      if (value !== undefined && value !== null) {
        write(writer, value);
        writer.varint(tag);
      } else if (absent !== undefined) writer.bytes(absent);
    };
  }

  #value(type: TypeRef): ValueWriter {
    switch (type.type) {
      case "struct": {
        const message = this.message(type.name);
        return (writer, value) => {
          const end = writer.length;
          message(writer, value as JsonObject);
          writer.varint(writer.length - end);
        };
      }
      case "list":
        return listMessage(this.#value(type.element));
      case "map":
        throw new Error("protobuf has no maps in lists and maps");
      case "scalar":
        return scalarWriters[type.scalar];
      case "special":
        return this.#special(type.special);
    }
  }

  /** Maps are lists of messages with a key (1) and a value (2). */
  #mapField(name: string, tag: number, valueType: TypeRef): MessageWriter {
    const write = this.#value(valueType);
    const valueTag = 2 * 8 + wireTypeOf(valueType);
    return (writer, object) => {
      const map = object[name];
      if (!isJsonObject(map)) return;
      const keys = sortedKeys(map);
      for (let i = keys.length - 1; i >= 0; i--) {
        const key = keys[i] as string;
        const value = map[key];
        if (value === undefined) continue;
        const end = writer.length;
        if (value !== null) {
          write(writer, value);
          writer.varint(valueTag);
        } else {
          const zero = zeroField(valueType, valueTag, write);
          if (zero !== undefined) writer.bytes(zero);
        }
        writer.string(key);
        writer.varint(0x0a);
        writer.varint(writer.length - end);
        writer.varint(tag);
      }
    };
  }

  #special(special: Special): ValueWriter {
    switch (special) {
      case "quantity":
        return writeQuantity;
      case "time":
        return writeTime;
      case "microTime":
        return writeMicroTime;
      case "duration":
        throw new Error("no served type has a Duration");
      case "intOrString":
        return writeIntOrString;
      case "fieldsV1":
      case "rawExtension":
      case "json":
        return writeRaw;
      case "schemaOrArray":
      case "schemaOrBool":
      case "schemaOrStrings":
        return this.#schemaOr(special);
    }
  }

  /** Schema (1) or else schemas (2); whether anything goes (1) and a schema (2); schema (1) or else names (2). */
  #schemaOr(special: "schemaOrArray" | "schemaOrBool" | "schemaOrStrings"): ValueWriter {
    const schema = this.#value({ type: "struct", name: schemaStruct });
    return (writer, value) => {
      const end = writer.length;
      if (Array.isArray(value)) {
        const write = special === "schemaOrArray" ? schema : scalarWriters.string;
        for (let i = value.length - 1; i >= 0; i--) {
          write(writer, value[i] as JsonValue);
          writer.varint(0x12);
        }
      } else if (isJsonObject(value)) {
        schema(writer, value);
        writer.varint(special === "schemaOrBool" ? 0x12 : 0x0a);
      }
      if (special === "schemaOrBool") {
        writer.varint(value === false ? 0 : 1);
        writer.varint(0x08);
      }
      writer.varint(writer.length - end);
    };
  }
}

/** What stands for a field that is no pointer and not set; undefined where that is nothing. */
function zeroField(type: TypeRef, tag: number, write: ValueWriter): Uint8Array | undefined {
  const zero = zeroOf(type);
  if (zero === undefined) return undefined;
  const writer = new WireWriter(16);
  if (zero === null) writer.varint(0);
  else write(writer, zero);
  writer.varint(tag);
  return writer.take();
}

function listField(name: string, tag: number, write: ValueWriter): MessageWriter {
  return (writer, object) => {
    const list = object[name];
    if (!Array.isArray(list)) return;
    for (let i = list.length - 1; i >= 0; i--) {
      write(writer, list[i] as JsonValue);
      writer.varint(tag);
    }
  };
}

/** A list that is a message of its own, with its elements as field 1. */
function listMessage(write: ValueWriter): ValueWriter {
  return (writer, value) => {
    const list = value as JsonValue[];
    const end = writer.length;
    for (let i = list.length - 1; i >= 0; i--) {
      write(writer, list[i] as JsonValue);
      writer.varint(0x0a);
    }
    writer.varint(writer.length - end);
  };
}

function sortedKeys(map: JsonObject): string[] {
  const keys = Object.keys(map);
  for (let i = 1; i < keys.length; i++) {
    if (compareBytewise(keys[i - 1] as string, keys[i] as string) > 0) return keys.sort(compareBytewise);
  }
  return keys;
}

/**
 * The value of a variable of the type that nobody set: null for one that is an empty message, undefined for one
 * that is not written.
 */
function zeroOf(type: TypeRef): JsonValue | undefined {
  if (type.type === "struct") return {};
  if (type.type === "list" || type.type === "map") return undefined;
  return type.type === "scalar" && type.scalar === "bytes" ? undefined : goZeroOf(type)();
}

const writeInteger: ValueWriter = (writer, value) => writer.integer(value as number | bigint);

const scalarWriters: Readonly<Record<Scalar, ValueWriter>> = {
  string: (writer, value) => writer.string(value as string),
  bytes: (writer, value) => writer.base64(value as string),
  bool: (writer, value) => writer.varint(value === true ? 1 : 0),
  int32: writeInteger,
  int64: writeInteger,
  uint32: writeInteger,
  uint64: writeInteger,
  double: (writer, value) => writer.double(Number(value)),
  float: (writer, value) => writer.float(Number(value)),
};
