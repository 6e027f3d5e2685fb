/**
 * Times as meta/v1 reads and writes them (k8s.io/apimachinery/pkg/apis/meta/v1/time.go and micro_time.go): RFC 3339,
 * written in UTC, Time to whole seconds and MicroTime to six digits. null is the zero time.
 */

/** Text that is no time; the message is Go's. */
class TimeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

const secondsLayout = "2006-01-02T15:04:05Z07:00";
const microsLayout = "2006-01-02T15:04:05.000000Z07:00";
const canonicalTime = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
const canonicalMicroTime = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/;
const zeroMicroTime = "0001-01-01T00:00:00.000000Z";
const zeroTime = "0001-01-01T00:00:00Z";

/**
 * A time to whole seconds in UTC: "2024-01-02T03:04:05.6+01:00" → "2024-01-02T02:04:05Z". The zero time is null.
 * @throws {TimeError}
 */
export function canonicalTimeText(text: string): string | null {
  if (canonicalTime.test(text)) return text === zeroTime ? null : text;
  const { seconds } = parseTime(text, secondsLayout);
  return formatTime(seconds);
}

/**
 * A time to microseconds in UTC; it must have six digits after the point.
 * @throws {TimeError}
 */
export function canonicalMicroTimeText(text: string): string | null {
  if (canonicalMicroTime.test(text)) return text === zeroMicroTime ? null : text;
  const { seconds, micros } = parseTime(text, microsLayout);
  return formatMicroTime(seconds, micros);
}

/** Seconds since 1970 as a Time. */
export function formatTime(seconds: number): string | null {
  return seconds === zeroSeconds ? null : timeText(seconds);
}

/** Seconds since 1970 and microseconds as a MicroTime. */
export function formatMicroTime(seconds: number, micros: number): string | null {
  if (seconds === zeroSeconds && micros === 0) return null;
  return `${timeText(seconds).slice(0, -1)}.${String(micros).padStart(6, "0")}Z`;
}

/**
 * "2024-01-02T03:04:05Z", digit by digit: five times quicker than by way of Date, of which an object has many. Days
 * are counted from March of the year 0, so that a leap day is a year's last.
 */
function timeText(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const time = seconds - days * 86_400;
  const fromYear0 = days + 719_468;
  const era = Math.floor(fromYear0 / 146_097);
  const dayOfEra = fromYear0 - era * 146_097;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  const hour = Math.floor(time / 3600);
  const minute = Math.floor(time / 60) % 60;
  const century = Math.floor(year / 100);
  // biome-ignore format: one line for each part
  return String.fromCharCode(
    tens(century), ones(century), tens(year % 100), ones(year),
    0x2d, tens(month), ones(month),
    0x2d, tens(day), ones(day),
    0x54, tens(hour), ones(hour),
    0x3a, tens(minute), ones(minute),
    0x3a, tens(time % 60), ones(time % 60),
    0x5a,
  );
}

function tens(value: number): number {
  return 0x30 + Math.floor(value / 10);
}

function ones(value: number): number {
  return 0x30 + (value % 10);
}

const zeroSeconds = Date.parse(zeroTime) / 1000;

/** Each part of the layout, as Go takes it off the text in turn. */
const parts: readonly { layout: string; shape: RegExp; from: number; to: number; range: string }[] = [
  { layout: "2006", shape: /^\d{4}/, from: 0, to: 9999, range: "" },
  { layout: "-", shape: /^-/, from: 0, to: 0, range: "" },
  { layout: "01", shape: /^\d{2}/, from: 1, to: 12, range: "month" },
  { layout: "-", shape: /^-/, from: 0, to: 0, range: "" },
  { layout: "02", shape: /^\d{2}/, from: 1, to: 31, range: "day" },
  { layout: "T", shape: /^T/, from: 0, to: 0, range: "" },
  { layout: "15", shape: /^\d{1,2}/, from: 0, to: 23, range: "hour" },
  { layout: ":", shape: /^:/, from: 0, to: 0, range: "" },
  { layout: "04", shape: /^\d{2}/, from: 0, to: 59, range: "minute" },
  { layout: ":", shape: /^:/, from: 0, to: 0, range: "" },
  { layout: "05", shape: /^\d{2}/, from: 0, to: 59, range: "second" },
];

/** Go's time.Parse for the two layouts, with its messages. */
function parseTime(text: string, layout: string): { seconds: number; micros: number } {
  const fail = (rest: string, part: string) =>
    new TimeError(`parsing time ${quoted(text)} as ${quoted(layout)}: cannot parse ${quoted(rest)} as ${quoted(part)}`);
  const outOfRange = (what: string) => new TimeError(`parsing time ${quoted(text)}: ${what} out of range`);

  let rest = text;
  const numbers: number[] = [];
  for (const part of parts) {
    const match = part.shape.exec(rest);
    if (match === null) throw fail(rest, part.layout);
    if (/\d/.test(part.layout)) {
      const number = Number(match[0]);
      if (number < part.from || number > part.to) throw outOfRange(part.range);
      numbers.push(number);
    }
    rest = rest.slice(match[0].length);
  }

  let micros = 0;
  if (layout === microsLayout) {
    if (!/^\.\d{6}/.test(rest)) throw fail(rest, ".000000");
    micros = Number(rest.slice(1, 7));
    rest = rest.slice(7);
  } else {
    rest = rest.replace(/^[.,]\d+/, "");
  }

  let offsetSeconds = 0;
  if (rest.startsWith("Z")) rest = rest.slice(1);
  else {
    const match = /^([+-])(\d\d):(\d\d)/.exec(rest);
    if (match === null) throw fail(rest, "Z07:00");
    const [all, sign, hours, minutes] = match;
    if (Number(hours) > 24) throw outOfRange("time zone offset hour");
    if (Number(minutes) > 60) throw outOfRange("time zone offset minute");
    offsetSeconds = (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60);
    rest = rest.slice(all.length);
  }
  if (rest !== "") throw new TimeError(`parsing time ${quoted(text)}: extra text: ${quoted(rest)}`);

  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day) throw outOfRange("day");
  date.setUTCHours(hour, minute, second);
  return { seconds: date.getTime() / 1000 - offsetSeconds, micros };
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
