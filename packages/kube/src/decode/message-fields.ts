import type { JsonObject, JsonValue } from "../object.ts";
import { WireError, WireReader } from "./wire-reader.ts";

/**
 * Reads one value of a field, null where Go has none. `before` is what an earlier occurrence of the field gave: lists
 * and maps are written an element at a time.
 */
export type ValueReader = (reader: MessageSource, before: JsonValue | undefined, depth: number) => JsonValue;

/** The bytes of an object. */
export class MessageSource extends WireReader {
  /** Whether metadata.managedFields are read. */
  managedFields = true;
  /** A struct that was found to have fields which the types here have not. */
  unknown: string | undefined;
  /** Messages that may still come in parts: each is read again, and a message of such might be read forever. */
  joins = { left: 16 };

  /** All parts of a field of the message that began at `start`. */
  whole(start: number, number: number): MessageSource {
    if (this.joins.left-- === 0) throw new WireError("proto: too many messages come in parts");
    const whole = new MessageSource(this.joined(start, number));
    whole.managedFields = this.managedFields;
    whole.joins = this.joins;
    return whole;
  }
}

/** Reads a message to its end. */
export type MessageReader = (reader: MessageSource, depth: number) => JsonObject;

export interface FieldReader {
  goName: string;
  wireType: number;
  /** Lists of numbers also come as one value with all of them. */
  packable: boolean;
  /** Where the value goes; of an embedded struct, whose fields are the message's own, what reads those. */
  slot: number;
  /** Its zero means unset. */
  omitsZero: boolean;
  embedded?: FieldsByNumber;
  read: ValueReader;
  /** A message that may come in several parts. */
  parts?: MessageReader;
}

/** The readers of a message's fields. */
export interface FieldsByNumber {
  /** Those that came before. */
  known: readonly (FieldReader | undefined)[];
  build(number: number): FieldReader | undefined;
}

/** Puts the fields of a message in their slots. False when there were some that the struct has not. */
export function readFields(
  reader: MessageSource,
  slots: (JsonValue | undefined)[],
  fields: FieldsByNumber,
  depth: number,
): boolean {
  const start = reader.position;
  let joined: Set<FieldReader> | undefined;
  let allKnown = true;
  while (reader.next()) {
    const { wireType } = reader;
    const field = fields.known[reader.field] ?? fields.build(reader.field);
    if (field === undefined) {
      allKnown = false;
      reader.skip(wireType);
      continue;
    }
    const { slot } = field;
    if (wireType === field.wireType) {
      const before = slots[slot];
      if (field.embedded !== undefined) {
        const outerEnd = reader.enter();
        allKnown = readFields(reader, slots, field.embedded, depth + 1) && allKnown;
        reader.leave(outerEnd);
      } else if (field.parts === undefined || before === undefined) {
        const value = field.read(reader, before, depth + 1);
        slots[slot] = field.omitsZero && isZero(value) ? undefined : value;
      } else {
        // Nobody writes a message in parts, but one may: they are read as one, once.
        const { field: number } = reader;
        reader.skip(wireType);
        if (joined?.has(field)) continue;
        joined ??= new Set();
        joined.add(field);
        const whole = reader.whole(start, number);
        slots[slot] = field.parts(whole, depth + 1);
        reader.unknown ??= whole.unknown;
      }
    } else if (wireType === 2 && field.packable) {
      const outerEnd = reader.enter();
      while (!reader.isAtEnd) slots[slot] = field.read(reader, slots[slot], depth + 1);
      reader.leave(outerEnd);
    } else throw new WireError(`proto: wrong wireType = ${wireType} for field ${field.goName}`);
  }
  return allKnown;
}

function isZero(value: JsonValue): boolean {
  return value === "" || value === 0 || value === false || value === 0n;
}
