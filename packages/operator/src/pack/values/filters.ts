import { isJsonObject, type JsonObject, type JsonValue, stringifyJson } from "@podwright/kube";

/** The longest text an expression makes. */
export const maxTextLength = 256 * 1024;

/** What a name stands for that does not exist. */
export class Missing {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

export type Filterable = JsonValue | Missing;

type Filter = (input: JsonValue, values: JsonValue[], keywords: JsonObject) => JsonValue;

/** Runs a filter. Throws Error when there is none of the name, or what it is given does not suit it. */
export function applyFilter(name: string, input: Filterable, values: JsonValue[], keywords: JsonObject): JsonValue {
  if (name === "default" || name === "d") {
    const fallback = values[0] ?? keywords["default_value"] ?? "";
    const alsoFalsy = isTrue(values[1] ?? keywords["boolean"] ?? false);
    return input instanceof Missing || (alsoFalsy && !isTrue(input)) ? fallback : input;
  }
  if (input instanceof Missing) throw new Error(`unknown name ${input.path}`);
  const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
  if (filter === undefined) {
    throw new Error(`unknown filter "${name}"; there are ${["default", ...Object.keys(filters)].sort().join(", ")}`);
  }
  const result = filter(input, values, keywords);
  if (typeof result === "string" && result.length > maxTextLength) {
    throw new Error(`what the filter "${name}" makes is longer than ${maxTextLength} characters`);
  }
  return result;
}

const filters: Readonly<Record<string, Filter>> = {
  lower: (input) => asText(input).toLowerCase(),
  upper: (input) => asText(input).toUpperCase(),
  trim: (input) => asText(input).trim(),
  capitalize: (input) => asText(input).slice(0, 1).toUpperCase() + asText(input).slice(1).toLowerCase(),
  title: (input) => asText(input).replace(/[^\s-]+/g, (word) => word[0]?.toUpperCase() + word.slice(1).toLowerCase()),
  replace: (input, [from, to]) => replaced(asText(input), asText(from ?? ""), asText(to ?? "")),
  string: (input) => asText(input),
  int: (input, [fallback]) => number(input, Math.trunc, fallback),
  float: (input, [fallback]) => number(input, (value) => value, fallback),
  bool: (input) => boolean(input),
  abs: (input) => Math.abs(asNumber(input)),
  round: (input, [digits]) => Number(asNumber(input).toFixed(Math.min(Math.max(asNumber(digits ?? 0), 0), 20))),
  length: (input) => size(input),
  count: (input) => size(input),
  first: (input) => list(input)[0] ?? null,
  last: (input) => list(input).at(-1) ?? null,
  join: (input, [separator]) => joined(list(input).map(asText), asText(separator ?? "")),
  split: (input, [separator]) => asText(input).split(separator === undefined ? /\s+/ : asText(separator)),
  tojson: (input, _values, keywords) => stringified(input, keywords["indent"]),
  fromjson: (input) => JSON.parse(asText(input)) as JsonValue,
  b64encode: (input) => Buffer.from(asText(input)).toString("base64"),
  b64decode: (input) => Buffer.from(asText(input), "base64").toString(),
  indent: (input, [width]) => replaced(asText(input), "\n", `\n${" ".repeat(indentation(width ?? 4))}`),
};

/** As text in the middle of text: scalars as YAML writes them, null as nothing, lists and maps as JSON. */
export function asText(value: JsonValue): string {
  if (value === null) return "";
  return typeof value === "object" ? stringifyJson(value) : String(value);
}

/** Throws Error for what is no number. */
export function asNumber(value: JsonValue): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint" || (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value))) return Number(value);
  throw new Error(`${typeof value === "string" ? `"${value.slice(0, 40)}"` : kindOf(value)} is not a number`);
}

/** Python's truth: nothing, zero and what is empty are false. */
export function isTrue(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isJsonObject(value) ? Object.keys(value).length > 0 : Boolean(value);
}

function kindOf(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "a map" : `a ${typeof value}`;
}

function number(input: JsonValue, shape: (value: number) => number, fallback: JsonValue | undefined): JsonValue {
  if (typeof input === "boolean") return Number(input);
  try {
    return shape(asNumber(typeof input === "string" ? input.trim() : input));
  } catch (error) {
    if (fallback === undefined) throw error;
    return fallback;
  }
}

function boolean(input: JsonValue): boolean {
  if (typeof input !== "string") return isTrue(input);
  if (/^(true|yes|on|1)$/i.test(input)) return true;
  if (/^(false|no|off|0|)$/i.test(input)) return false;
  throw new Error(`"${input.slice(0, 40)}" is neither true nor false`);
}

function list(input: JsonValue): JsonValue[] {
  if (Array.isArray(input)) return input;
  throw new Error(`${kindOf(input)} is not a list`);
}

function size(input: JsonValue): number {
  if (typeof input === "string" || Array.isArray(input)) return input.length;
  if (isJsonObject(input)) return Object.keys(input).length;
  throw new Error(`${kindOf(input)} has no length`);
}

// Sizes are known before the text is made: a chain of replacements could otherwise fill the memory in one step.
function replaced(text: string, from: string, to: string): string {
  if (from === "") throw new Error("an empty text cannot be replaced");
  const parts = text.split(from);
  return joined(parts, to);
}

function joined(parts: string[], separator: string): string {
  const length = parts.reduce((sum, part) => sum + part.length, 0) + separator.length * Math.max(parts.length - 1, 0);
  if (length > maxTextLength) throw new Error(`the result is longer than ${maxTextLength} characters`);
  return parts.join(separator);
}

function indentation(width: JsonValue): number {
  return Math.min(Math.max(Math.trunc(asNumber(width)), 0), 100);
}

function stringified(input: JsonValue, indent: JsonValue | undefined): string {
  const text = stringifyJson(input);
  return indent === undefined ? text : JSON.stringify(JSON.parse(text), undefined, Math.min(indentation(indent), 10));
}
