import { isJsonObject, parseJson, setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { FieldFacts, Scalar, Special, TypeRef, TypeTable } from "../types/facts.ts";
import { schemaStruct } from "./struct-decoder.ts";
import { formatMicroTime, formatTime } from "./time.ts";
import { WireError, type WireReader } from "./wire-reader.ts";

/**
 * Reads one value of a field. `before` is what an earlier occurrence of the field gave: lists and maps are written
 * an element at a time, and parts of one message may come apart.
 */
type ValueReader = (reader: WireReader, before: JsonValue | undefined, depth: number) => JsonValue;

interface FieldReader {
  /** "" for an embedded struct, whose fields become the message's own. */
  name: string;
  goName: string;
  wireType: number;
  /** Lists of numbers also come as one value with all of them. */
  packable: boolean;
  read: ValueReader;
}

type MessageReader = (reader: WireReader, into: JsonObject, depth: number) => void;

/**
 * Reads protobuf messages of native types into JSON values, field by field as they are on the wire. Upstream writes
 * every field that is not a pointer, so zero values of those mean unset: {@link decodeNative} leaves them out, which
 * knows the pointers.
 */
export class MessageCompiler {
  readonly #table: TypeTable;
  readonly #messages = new Map<string, MessageReader>();

  constructor(table: TypeTable) {
    this.#table = table;
  }

  /** The reader of a struct's message. Throws for names that the table lacks. */
  message(structName: string): MessageReader {
    const known = this.#messages.get(structName);
    if (known !== undefined) return known;
    const struct = this.#table.struct(structName);
    if (struct === undefined) throw new Error(`the type table has no struct ${structName}`);
    const facts = new Map<number, FieldFacts>();
    for (const field of struct.fields.values()) if (field.proto > 0) facts.set(field.proto, field);
    const fields = new Map<number, FieldReader>();
    const message: MessageReader = (reader, into, depth) => {
      if (depth > maxDepth) throw new WireError("proto: messages are nested too deeply");
      while (reader.next()) {
        const { field: number, wireType } = reader;
        let field = fields.get(number);
        if (field === undefined) {
          // Types may contain themselves: readers of fields are built at the first value.
          const fact = facts.get(number);
          if (fact === undefined) {
            reader.skip(wireType);
            continue;
          }
          field = this.#field(fact);
          fields.set(number, field);
        }
        if (field.name === "" && wireType === 2) field.read(reader, into, depth + 1);
        else if (wireType === field.wireType) into[field.name] = field.read(reader, into[field.name], depth + 1);
        else if (wireType === 2 && field.packable) {
          const packed = reader.message();
          while (!packed.isAtEnd) into[field.name] = field.read(packed, into[field.name], depth + 1);
        } else throw new WireError(`proto: wrong wireType = ${wireType} for field ${field.goName}`);
      }
    };
    this.#messages.set(structName, message);
    return message;
  }

  #field(facts: FieldFacts): FieldReader {
    const element = facts.type.type === "list" && facts.type.message === undefined ? facts.type.element : undefined;
    const wireType = wireTypeOf(element ?? facts.type);
    return {
      name: facts.inline ? "" : facts.name,
      goName: facts.name.charAt(0).toUpperCase() + facts.name.slice(1),
      wireType,
      packable: element !== undefined && wireType !== 2,
      read: this.#type(facts.type),
    };
  }

  #type(type: TypeRef): ValueReader {
    switch (type.type) {
      case "struct": {
        const message = this.message(type.name);
        return (reader, before, depth) => {
          const into = isJsonObject(before) ? before : {};
          message(reader.message(), into, depth);
          return into;
        };
      }
      case "list": {
        const element = this.#type(type.element);
        if (type.message) return wrappedList(element);
        return (reader, before, depth) => {
          const list = Array.isArray(before) ? before : [];
          list.push(element(reader, undefined, depth));
          return list;
        };
      }
      case "map":
        return this.#map(type.value);
      case "scalar":
        return scalarReaders[type.scalar];
      case "special":
        return this.#special(type.special);
    }
  }

  /** Maps are lists of messages with a key (1) and a value (2). */
  #map(valueType: TypeRef): ValueReader {
    const wireType = wireTypeOf(valueType);
    const readValue = this.#type(valueType);
    const zero = zeroOf(valueType);
    return (reader, before, depth) => {
      const map = isJsonObject(before) ? before : {};
      const entry = reader.message();
      let key = "";
      let value: JsonValue | undefined;
      while (entry.next()) {
        if (entry.field === 1 && entry.wireType === 2) key = entry.string();
        else if (entry.field === 2 && entry.wireType === wireType) value = readValue(entry, value, depth);
        else entry.skip(entry.wireType);
      }
      setField(map, key, value ?? zero());
      return map;
    };
  }

  #special(special: Special): ValueReader {
    switch (special) {
      case "quantity":
        return (reader) => {
          let text = "0";
          for (const message = reader.message(); message.next(); ) {
            if (message.field === 1 && message.wireType === 2) text = message.string();
            else message.skip(message.wireType);
          }
          return text;
        };
      case "time":
        return (reader) => formatTime(readTimestamp(reader).seconds);
      case "microTime":
        return (reader) => {
          const { seconds, nanos } = readTimestamp(reader);
          return formatMicroTime(seconds, Math.trunc(nanos / 1000));
        };
      case "duration":
        throw new WireError("proto: no served type has a Duration");
      case "intOrString":
        return readIntOrString;
      case "fieldsV1":
      case "rawExtension":
      case "json":
        return readRaw;
      case "schemaOrArray":
      case "schemaOrBool":
      case "schemaOrStrings":
        return this.#schemaOr(special);
    }
  }

  /** Schema (1) or else schemas (2), schema (2) or else whether anything goes (1), schema (1) or else names (2). */
  #schemaOr(special: "schemaOrArray" | "schemaOrBool" | "schemaOrStrings"): ValueReader {
    const schema = this.#type({ type: "struct", name: schemaStruct });
    return (reader, _before, depth) => {
      let whole: JsonValue | undefined;
      let allows = false;
      const list: JsonValue[] = [];
      for (const message = reader.message(); message.next(); ) {
        const { field, wireType } = message;
        if (special === "schemaOrBool" && field === 1 && wireType === 0) allows = message.bool();
        else if (wireType === 2 && field === (special === "schemaOrBool" ? 2 : 1))
          whole = schema(message, whole, depth);
        else if (wireType === 2 && field === 2) {
          list.push(special === "schemaOrArray" ? schema(message, undefined, depth) : message.string());
        } else message.skip(wireType);
      }
      if (special === "schemaOrBool") return whole ?? allows;
      return list.length > 0 ? list : (whole ?? null);
    };
  }
}

/** Each level of an object takes one to three. */
const maxDepth = 1000;
const firstSecond = Date.parse("0001-01-01T00:00:00Z") / 1000;
const lastSecond = Date.parse("9999-12-31T23:59:59Z") / 1000;

function wireTypeOf(type: TypeRef): number {
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

const scalarReaders: Readonly<Record<Scalar, ValueReader>> = {
  string: (reader) => reader.string(),
  bytes: (reader) => reader.bytes().toString("base64"),
  bool: (reader) => reader.bool(),
  int32: (reader) => reader.int32(),
  int64: (reader) => reader.int64(),
  uint32: (reader) => reader.uint32(),
  uint64: (reader) => reader.uint64(),
  double: (reader) => reader.double(),
  float: (reader) => reader.float(),
};

/** The value of a map's entry that has none. */
function zeroOf(type: TypeRef): () => JsonValue {
  switch (type.type) {
    case "struct":
      return () => ({});
    case "scalar": {
      const zero = type.scalar === "string" || type.scalar === "bytes" ? "" : type.scalar === "bool" ? false : 0;
      return () => zero;
    }
    default:
      return () => null;
  }
}

function wrappedList(element: ValueReader): ValueReader {
  return (reader, before, depth) => {
    const list = Array.isArray(before) ? before : [];
    for (const message = reader.message(); message.next(); ) {
      if (message.field === 1 && message.wireType === 2) list.push(element(message, undefined, depth));
      else message.skip(message.wireType);
    }
    return list;
  };
}

function readTimestamp(reader: WireReader): { seconds: number; nanos: number } {
  const message = reader.message();
  let seconds = message.isAtEnd ? firstSecond : 0;
  let nanos = 0;
  while (message.next()) {
    if (message.field === 1 && message.wireType === 0) seconds = Number(message.int64());
    else if (message.field === 2 && message.wireType === 0) nanos = message.int32();
    else message.skip(message.wireType);
  }
  if (nanos < 0) {
    seconds -= 1;
    nanos += 1_000_000_000;
  }
  if (!(seconds >= firstSecond && seconds <= lastSecond) || nanos < 0 || nanos >= 1_000_000_000) {
    throw new WireError("proto: time out of range");
  }
  return { seconds, nanos };
}

function readIntOrString(reader: WireReader): JsonValue {
  let isString = false;
  let int = 0;
  let text = "";
  for (const message = reader.message(); message.next(); ) {
    if (message.field === 1 && message.wireType === 0) isString = message.uint32() === 1;
    else if (message.field === 2 && message.wireType === 0) int = message.int32();
    else if (message.field === 3 && message.wireType === 2) text = message.string();
    else message.skip(message.wireType);
  }
  return isString ? text : int;
}

/** JSON text within a message. */
function readRaw(reader: WireReader): JsonValue {
  let raw: Buffer | undefined;
  for (const message = reader.message(); message.next(); ) {
    if (message.field === 1 && message.wireType === 2) raw = message.bytes();
    else message.skip(message.wireType);
  }
  return raw === undefined || raw.length === 0 ? null : parseJson(raw).value;
}
