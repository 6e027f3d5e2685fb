import type { Environment } from "./environment.ts";

/** format() of strings: %s, %d, %f, %e, %b, %x, %X, %o and %% (github.com/google/cel-go/ext/formatting.go). */
export function registerFormat(environment: Environment): Environment {
  return environment
    .registerFunction("string.format(list): string", format)
    .registerFunction("string(google.protobuf.Timestamp): string", timestampText)
    .registerFunction("string(google.protobuf.Duration): string", String);
}

function format(text: string, values: readonly unknown[]): string {
  let next = 0;
  return text.replace(/%(?:\.(\d+))?(.?)/gs, (_all, precision: string | undefined, clause: string) => {
    if (clause === "%") return "%";
    if (next >= values.length) throw new Error(`index ${next} out of range`);
    return formatted(clause, values[next++], precision === undefined ? 6 : Number(precision));
  });
}

function formatted(clause: string, value: unknown, precision: number): string {
  switch (clause) {
    case "s":
      return shown(value);
    case "d":
      return String(value);
    case "f":
      return Number(value).toFixed(Math.min(precision, 100));
    case "e":
      return Number(value)
        .toExponential(Math.min(precision, 100))
        .replace(/e([+-])(\d)$/, "e$10$2");
    case "b":
      return typeof value === "boolean" ? String(Number(value)) : integer(value).toString(2);
    case "o":
      return integer(value).toString(8);
    case "x":
    case "X": {
      const hex = typeof value === "string" ? Buffer.from(value).toString("hex") : integer(value).toString(16);
      return clause === "X" ? hex.toUpperCase() : hex;
    }
    default:
      throw new Error(`could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(clause)}`);
  }
}

function integer(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  throw new Error("this clause can only be used on integers");
}

function shown(value: unknown): string {
  if (typeof value === "string" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return String(value);
  if (value instanceof Date) return timestampText(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (isDuration(value)) return String(value);
  if (Array.isArray(value)) return `[${value.map(nested).join(", ")}]`;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  const sorted = entries.map(([key, element]): [string, string] => [nested(key), nested(element)]);
  return `{${sorted
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, element]) => `${key}:${element}`)
    .join(", ")}}`;
}

/** As CEL would write it. */
function nested(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `b${JSON.stringify(shown(value))}`;
  if (value instanceof Date) return `timestamp(${JSON.stringify(timestampText(value))})`;
  if (isDuration(value)) return `duration(${JSON.stringify(String(value))})`;
  if (typeof value === "number") return Number.isFinite(value) ? value.toFixed(6) : JSON.stringify(String(value));
  return shown(value);
}

function timestampText(value: Date): string {
  return value.toISOString().replace(/\.000Z$/, "Z");
}

function isDuration(value: unknown): boolean {
  return (value as { constructor?: { name?: string } } | null)?.constructor?.name === "Duration";
}
