import { maxJsonDepth, parseJson } from "../json.ts";
import type { JsonValue } from "../object.ts";
import type { Scalar } from "../types/facts.ts";
import { formatMicroTime, formatTime } from "./time.ts";
import { canonicalQuantityText } from "./values.ts";
import { WireError, type WireReader } from "./wire-reader.ts";

/** Values that protobuf has in another way than JSON: what stands in a field, as JSON. null is none. */

export const scalarReaders: Readonly<Record<Scalar, (reader: WireReader) => JsonValue>> = {
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

/** A message with the text (1). */
export function readQuantity(reader: WireReader): string {
  let text = "0";
  const outerEnd = reader.enter();
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) text = reader.string();
    else reader.skip(reader.wireType);
  }
  reader.leave(outerEnd);
  return canonicalQuantityText(text);
}

export function readTime(reader: WireReader): string | null {
  return formatTime(readTimestamp(reader).seconds);
}

export function readMicroTime(reader: WireReader): string | null {
  const { seconds, nanos } = readTimestamp(reader);
  return formatMicroTime(seconds, Math.trunc(nanos / 1000));
}

const firstSecond = Date.parse("0001-01-01T00:00:00Z") / 1000;
const lastSecond = Date.parse("9999-12-31T23:59:59Z") / 1000;

function readTimestamp(reader: WireReader): { seconds: number; nanos: number } {
  const outerEnd = reader.enter();
  let seconds = reader.isAtEnd ? firstSecond : 0;
  let nanos = 0;
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 0) seconds = Number(reader.int64());
    else if (reader.field === 2 && reader.wireType === 0) nanos = reader.int32();
    else reader.skip(reader.wireType);
  }
  reader.leave(outerEnd);
  if (nanos < 0) {
    seconds -= 1;
    nanos += 1_000_000_000;
  }
  if (!(seconds >= firstSecond && seconds <= lastSecond) || nanos < 0 || nanos >= 1_000_000_000) {
    throw new WireError("proto: time out of range");
  }
  return { seconds, nanos };
}

/** Which it is (1: 1 for text), the number (2), the text (3). */
export function readIntOrString(reader: WireReader): number | string {
  let isString = false;
  let int = 0;
  let text = "";
  const outerEnd = reader.enter();
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 0) isString = reader.uint32() === 1;
    else if (reader.field === 2 && reader.wireType === 0) int = reader.int32();
    else if (reader.field === 3 && reader.wireType === 2) text = reader.string();
    else reader.skip(reader.wireType);
  }
  reader.leave(outerEnd);
  return isString ? text : int;
}

/** JSON text within a message. */
export function readRaw(reader: WireReader): JsonValue {
  let raw = "";
  const outerEnd = reader.enter();
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) raw = reader.string();
    else reader.skip(reader.wireType);
  }
  reader.leave(outerEnd);
  if (raw === "") return null;
  // The engine's parser is many times faster: good enough where no number can be big and no nesting deep.
  if (raw.length < maxJsonDepth && !/\d{16}|\d[eE]|\\u[dD]/.test(raw)) {
    try {
      return JSON.parse(raw) as JsonValue;
    } catch {
      // What is wrong with it the other tells, in Go's words.
    }
  }
  return parseJson(raw).value;
}
