import { stringifyJson } from "../json.ts";
import type { JsonValue } from "../object.ts";
import type { WireWriter } from "./wire-writer.ts";

/** Types that upstream gives a protobuf form of their own. Each writes its message with the length before it. */

/** meta/v1 Time: seconds (1) and nanoseconds (2), "2024-01-02T03:04:05Z". */
export function writeTime(writer: WireWriter, value: JsonValue): void {
  const text = value as string;
  timestamp(writer, seconds(text), 0);
}

/** meta/v1 MicroTime: the same, "2024-01-02T03:04:05.000006Z". */
export function writeMicroTime(writer: WireWriter, value: JsonValue): void {
  const text = value as string;
  timestamp(writer, seconds(text), text.charCodeAt(19) === point ? Number(text.slice(20, 26)) * 1000 : 0);
}

function timestamp(writer: WireWriter, seconds: number, nanos: number): void {
  const end = writer.length;
  writer.integer(nanos);
  writer.varint(0x10);
  writer.integer(seconds);
  writer.varint(0x08);
  writer.varint(writer.length - end);
}

function seconds(text: string): number {
  const days = daysSince1970(number(text, 0) * 100 + number(text, 2), number(text, 5), number(text, 8));
  return ((days * 24 + number(text, 11)) * 60 + number(text, 14)) * 60 + number(text, 17);
}

/** In the Gregorian calendar, with years that begin in March: several times faster than Date.UTC. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}

/** Two digits. */
function number(text: string, at: number): number {
  return (text.charCodeAt(at) - zero) * 10 + text.charCodeAt(at + 1) - zero;
}

const zero = 0x30;
const point = 0x2e;

/** The text (1). */
export function writeQuantity(writer: WireWriter, value: JsonValue): void {
  const end = writer.length;
  writer.string(String(value));
  writer.varint(0x0a);
  writer.varint(writer.length - end);
}

/** Which of the two (1), the integer (2), the text (3). */
export function writeIntOrString(writer: WireWriter, value: JsonValue): void {
  const isText = typeof value === "string";
  const end = writer.length;
  writer.string(isText ? value : "");
  writer.varint(0x1a);
  writer.integer(isText ? 0 : (value as number));
  writer.varint(0x10);
  writer.varint(isText ? 1 : 0);
  writer.varint(0x08);
  writer.varint(writer.length - end);
}

/** JSON text (1): FieldsV1, RawExtension and apiextensions' JSON, which keep none for null. */
export function writeRaw(writer: WireWriter, value: JsonValue): void {
  if (value === null) {
    writer.varint(0);
    return;
  }
  const end = writer.length;
  writer.string(stringifyJson(value));
  writer.varint(0x0a);
  writer.varint(writer.length - end);
}
