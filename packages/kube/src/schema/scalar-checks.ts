import { jsonEqual } from "../json.ts";
import type { JsonObject, JsonValue } from "../object.ts";
import { brokenRule, notInEnum, wrongFactor, wrongType } from "./problems.ts";
import { numberOf } from "./schema-node.ts";
import type { ValidationResult } from "./validation-result.ts";

/** Checks a value against the types and the format of its schema. */
export function checkType(
  value: JsonValue,
  types: string[],
  format: string,
  nullable: boolean,
  name: string,
  into: ValidationResult,
): void {
  if (value === null) {
    if (types.length > 0 && !nullable) into.add(wrongType(name, types.join(","), "null"));
    else into.matches++;
    return;
  }
  into.matches++;
  const [type, numberFormat] = typeOfValue(value);
  const expected = types.includes(type) || (type === "integer" && types.includes("number"));
  const formatted = typeof value === "string" || Array.isArray(value);
  if (format !== "" && format !== numberFormat && !formatted && !expected)
    into.add(wrongType(name, format, numberFormat));
  else if (format !== "" && formatted && !types.includes("number") && !types.includes("integer")) into.matches++;
  else if (!expected) into.add(wrongType(name, types.join(","), type));
  else into.matches++;
}

/** Numbers beyond what a double holds exactly were read as bigints when they are integers. */
function typeOfValue(value: JsonValue): [type: string, format: string] {
  if (Array.isArray(value)) return ["array", ""];
  switch (typeof value) {
    case "bigint":
      return ["integer", "int64"];
    case "number":
      return Number.isSafeInteger(value) ? ["integer", "int64"] : ["number", "float64"];
    case "object":
      return ["object", ""];
    default:
      return [typeof value, ""];
  }
}

/** Checks that a value is one of the schema's. */
export function checkEnum(value: JsonValue, schema: JsonObject, name: string, into: ValidationResult): void {
  const supported = schema["enum"];
  if (!Array.isArray(supported) || supported.length === 0) return;
  // Upstream finds null in no enum, and converts a value to the type of each element: 3.25 becomes 3.
  const cut = typeof value === "number" ? Math.trunc(value) : value;
  const found = (each: JsonValue) =>
    each !== null && (jsonEqual(each, value) || (isInteger(each) && jsonEqual(each, cut)));
  if (value !== null && supported.some(found)) return;
  into.add(notInEnum(name, value, supported));
}

function isInteger(value: JsonValue): boolean {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}

/** Checks a number against bounds and factor. */
export function checkNumber(value: number | bigint, schema: JsonObject, name: string, into: ValidationResult): void {
  const integer = isInteger(value);
  // Upstream compares integers with bounds cut to integers.
  const bound = (limit: number) => (integer ? Math.trunc(limit) : limit);
  const factor = numberOf(schema["multipleOf"]);
  const min = numberOf(schema["minimum"]);
  const max = numberOf(schema["maximum"]);
  if (factor !== undefined) {
    const divisor = bound(factor);
    if (divisor <= 0) into.add(wrongFactor(name, divisor));
    else if (!isMultiple(value, divisor)) into.add(brokenRule(name, value, `should be a multiple of ${divisor}`));
  }
  if (min !== undefined) {
    const exclusive = schema["exclusiveMinimum"] === true;
    const limit = bound(min);
    if (exclusive ? value <= limit : value < limit) {
      into.add(brokenRule(name, value, `should be greater than ${exclusive ? "" : "or equal to "}${limit}`));
    }
  }
  if (max !== undefined) {
    const exclusive = schema["exclusiveMaximum"] === true;
    const limit = bound(max);
    if (exclusive ? value >= limit : value > limit) {
      into.add(brokenRule(name, value, `should be less than ${exclusive ? "" : "or equal to "}${limit}`));
    }
  }
}

function isMultiple(value: number | bigint, factor: number): boolean {
  if (typeof value === "bigint") return value % BigInt(factor) === 0n;
  if (Number.isSafeInteger(value)) return value % factor === 0;
  const quotient = factor < 1 ? (1 / factor) * value : value / factor;
  return Math.abs(quotient - Math.round(quotient)) < 1e-9;
}
