/*
 * Schedules as upstream reads them (github.com/robfig/cron/v3, parser.go), checked but not computed: the texts
 * of what is wrong with one are shown to its author.
 */

interface Field {
  min: number;
  max: number;
  names: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly Field[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: ["", ...months] },
  { min: 0, max: 6, names: days },
];
const descriptors = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/** What is wrong with a schedule, or undefined. */
export function cronScheduleError(schedule: string): string | undefined {
  const text =
    schedule.startsWith("TZ=") || schedule.startsWith("CRON_TZ=") ? schedule.replace(/^\S+\s*/, "") : schedule;
  if (text.startsWith("@")) {
    if (descriptors.includes(text) || /^@every (\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
    return `unrecognized descriptor: ${text}`;
  }
  const parts = text
    .trim()
    .split(/\s+/)
    .filter((part) => part !== "");
  if (parts.length !== fields.length) {
    return `expected exactly ${fields.length} fields, found ${parts.length}: [${parts.join(" ")}]`;
  }
  for (const [index, field] of fields.entries()) {
    for (const range of (parts[index] ?? "").split(",").filter((part) => part !== "")) {
      const error = rangeError(range, field);
      if (error !== undefined) return error;
    }
  }
  return undefined;
}

function rangeError(text: string, field: Field): string | undefined {
  const [range = "", step, ...moreSteps] = text.split("/");
  const [low = "", high, ...moreBounds] = range.split("-");
  let start = field.min;
  let end = field.max;
  if (low === "*" || low === "?") {
    if (high !== undefined) return `too many hyphens: ${text}`;
  } else {
    const first = parse(low, field);
    if (typeof first === "string") return first;
    start = first;
    end = step === undefined ? first : field.max;
    if (high !== undefined) {
      const last = parse(high, field);
      if (typeof last === "string") return last;
      end = last;
    }
    if (moreBounds.length > 0) return `too many hyphens: ${text}`;
  }
  if (moreSteps.length > 0) return `too many slashes: ${text}`;
  if (step !== undefined) {
    const size = parse(step, { min: 0, max: 0, names: [] });
    if (typeof size === "string") return size;
    if (size === 0) return `step of range should be a positive number: ${text}`;
  }
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${text}`;
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${text}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${text}`;
  return undefined;
}

/** The number, or what is wrong with it. */
function parse(text: string, field: Field): number | string {
  const named = field.names.indexOf(text.toLowerCase());
  if (named >= 0 && text !== "") return named;
  if (!/^[+-]?\d+$/.test(text))
    return `failed to parse int from ${text}: strconv.Atoi: parsing "${text}": invalid syntax`;
  const value = Number(text);
  return value < 0 ? `negative number (${value}) not allowed: ${text}` : value;
}
