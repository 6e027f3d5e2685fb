import { setField } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import type { FieldFacts, Special, TypeRef, TypeTable } from "../types/facts.ts";
import { wireTypeOf } from "../types/wire-type.ts";
import { isAlwaysWritten, omission, schemaStruct, zeroOf } from "./go-zeros.ts";
import {
  type FieldReader,
  type FieldsByNumber,
  type MessageReader,
  MessageSource,
  readFields,
  type ValueReader,
} from "./message-fields.ts";
import { WireError } from "./wire-reader.ts";
import { readIntOrString, readMicroTime, readQuantity, readRaw, readTime, scalarReaders } from "./wire-values.ts";

type Zero = () => JsonValue;

/**
 * Reads protobuf messages of native types into what Go's JSON encoder would write of them: the form that decodeNative
 * gives. Upstream's protobuf has every field that is not a pointer, so zero values of those mean unset; a field that
 * JSON has always may be missing.
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
    const fields = [...struct.jsonFields.values()];
    const names = fields.map((field) => field.name);
    const slotOf = new Map(names.map((name, slot) => [name, slot]));
    const finishes = fields.map(finishOf);
    const zeros = fields.map((field) => (isAlwaysWritten(field) ? this.#zero(field) : undefined));
    const byNumber = this.#fields(struct.fields, slotOf);

    const newObject = objectsOfAShape();
    const message: MessageReader = (reader, depth) => {
      if (depth > maxDepth) throw new WireError("proto: messages are nested too deeply");
      const slots: (JsonValue | undefined)[] = new Array(names.length);
      if (!readFields(reader, slots, byNumber, depth)) reader.unknown ??= struct.goName;
      const object = newObject();
      for (let slot = 0; slot < slots.length; slot++) {
        const value = slots[slot];
        if (value === undefined || value === null) {
          const zero = zeros[slot];
          if (zero !== undefined) object[names[slot] as string] = zero();
          continue;
        }
        const finish = finishes[slot];
        const finished = finish === undefined ? value : finish(value);
        if (finished !== undefined) object[names[slot] as string] = finished;
      }
      return object;
    };
    this.#messages.set(structName, message);
    return message;
  }

  /** The readers of a message's fields by number. Types may contain themselves: each is built when it first comes. */
  #fields(facts: ReadonlyMap<string, FieldFacts>, slotOf: ReadonlyMap<string, number>): FieldsByNumber {
    const byNumber = new Map<number, FieldFacts>();
    for (const field of facts.values()) if (field.proto > 0) byNumber.set(field.proto, field);
    const known: FieldReader[] = [];
    return {
      known,
      build: (number) => {
        const found = byNumber.get(number);
        if (found !== undefined) known[number] = this.#field(found, slotOf);
        return known[number];
      },
    };
  }

  #field(facts: FieldFacts, slotOf: ReadonlyMap<string, number>): FieldReader {
    const { name, type } = facts;
    const element = type.type === "list" && type.message === undefined ? type.element : undefined;
    const wireType = wireTypeOf(element ?? type);
    const field: FieldReader = {
      goName: name.charAt(0).toUpperCase() + name.slice(1),
      wireType,
      packable: element !== undefined && wireType !== 2,
      slot: slotOf.get(name) ?? -1,
      omitsZero: type.type === "scalar" && omission(facts)(0),
      read: this.#type(type),
    };
    if (name === "managedFields") return { ...field, read: unlessUnwanted(field.read) };
    if (type.type !== "struct") return field;
    if (!facts.inline) return { ...field, parts: this.message(type.name) };
    return { ...field, embedded: this.#fields(this.#table.struct(type.name)?.fields ?? new Map(), slotOf) };
  }

  #type(type: TypeRef): ValueReader {
    switch (type.type) {
      case "struct": {
        const message = this.message(type.name);
        return (reader, _before, depth) => {
          const outerEnd = reader.enter();
          const value = message(reader, depth);
          reader.leave(outerEnd);
          return value;
        };
      }
      case "list": {
        const element = this.#type(type.element);
        const zero = this.#zeroOf(type.element);
        if (type.message) return wrappedList(element, zero);
        return (reader, before, depth) => {
          const list = (before ?? []) as JsonValue[];
          list.push(element(reader, undefined, depth) ?? zero());
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
    const isBytes = valueType.type === "scalar" && valueType.scalar === "bytes";
    const zero = isBytes ? () => "" : this.#zeroOf(valueType);
    return (reader, before, depth) => {
      const map = (before ?? {}) as JsonObject;
      const outerEnd = reader.enter();
      let key = "";
      let value: JsonValue | undefined;
      while (reader.next()) {
        if (reader.field === 1 && reader.wireType === 2) key = reader.string();
        else if (reader.field === 2 && reader.wireType === wireType) value = readValue(reader, undefined, depth);
        else reader.skip(reader.wireType);
      }
      reader.leave(outerEnd);
      setField(map, key, value ?? zero());
      return map;
    };
  }

  #special(special: Special): ValueReader {
    switch (special) {
      case "quantity":
        return readQuantity;
      case "time":
        return readTime;
      case "microTime":
        return readMicroTime;
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
      const outerEnd = reader.enter();
      while (reader.next()) {
        const { field, wireType } = reader;
        if (special === "schemaOrBool" && field === 1 && wireType === 0) allows = reader.bool();
        else if (wireType === 2 && field === (special === "schemaOrBool" ? 2 : 1)) {
          whole = schema(reader, undefined, depth + 1);
        } else if (wireType === 2 && field === 2) {
          list.push(special === "schemaOrArray" ? schema(reader, undefined, depth + 1) : reader.string());
        } else reader.skip(wireType);
      }
      reader.leave(outerEnd);
      if (special === "schemaOrBool") return whole ?? allows;
      return list.length > 0 ? list : (whole ?? null);
    };
  }

  #zero(field: FieldFacts): Zero {
    return field.pointer ? () => null : this.#zeroOf(field.type);
  }

  #zeroOf(type: TypeRef): Zero {
    if (type.type !== "struct") return zeroOf(type);
    let message: MessageReader | undefined;
    return () => {
      message ??= this.message(type.name);
      return message(new MessageSource(new Uint8Array()), 0);
    };
  }
}

/** Each level of an object takes one to three. */
const maxDepth = 1000;

/**
 * Makes plain objects for which V8 learns, from the first few, how much room they need: half of an object's fields
 * would not fit in the room that it makes for any `{}`.
 */
function objectsOfAShape(): () => JsonObject {
  function Shape() {
    // Fields come later.
  }
  Shape.prototype = Object.prototype;
  const Constructor = Shape as unknown as new () => JsonObject;
  return () => new Constructor();
}

function unlessUnwanted(read: ValueReader): ValueReader {
  return (reader, before, depth) => {
    if (reader.managedFields) return read(reader, before, depth);
    reader.skip(2);
    return null;
  };
}

/** What becomes of a field's value when all of it is there: undefined when Go leaves it out. */
type Finish = (value: JsonValue) => JsonValue | undefined;

function finishOf(field: FieldFacts): Finish | undefined {
  const isOmitted = omission(field);
  switch (field.type.type) {
    case "map":
      return (value) => (isOmitted(value) ? undefined : sorted(value as JsonObject));
    case "list":
      // A copy has no room for elements to come: V8 makes room for 17 when the first is added.
      return (value) => (isOmitted(value) ? undefined : (value as JsonValue[]).slice());
    default:
      return undefined;
  }
}

/** Go writes a map's keys in their order; most come so. */
function sorted(map: JsonObject): JsonObject {
  let last = "";
  let inOrder = true;
  for (const key in map) {
    inOrder &&= last <= key;
    last = key;
  }
  if (inOrder) return map;
  const copy: JsonObject = {};
  for (const key of Object.keys(map).sort()) setField(copy, key, map[key]);
  return copy;
}

/** Lists that are messages themselves, of elements (1). */
function wrappedList(element: ValueReader, zero: Zero): ValueReader {
  return (reader, before, depth) => {
    const list = (before ?? []) as JsonValue[];
    const outerEnd = reader.enter();
    while (reader.next()) {
      if (reader.field === 1 && reader.wireType === 2) list.push(element(reader, undefined, depth) ?? zero());
      else reader.skip(reader.wireType);
    }
    reader.leave(outerEnd);
    return list;
  };
}
