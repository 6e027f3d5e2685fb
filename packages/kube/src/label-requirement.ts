import { type FieldError, fieldError, formatFieldError, joinMessages } from "./field-error.ts";
import { compareBytewise } from "./json.ts";
import { isLabelValue, isQualifiedName } from "./names.ts";

export type LabelOperator = "in" | "notin" | "=" | "==" | "!=" | "exists" | "!" | "gt" | "lt";

/** One condition on one label. */
export interface LabelRequirement {
  key: string;
  operator: LabelOperator;
  values: string[];
}

/** A selector that is no selector: the message is upstream's. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SelectorError";
  }
}

/**
 * Checks and makes a requirement.
 * @throws {SelectorError}
 */
export function newRequirement(key: string, operator: LabelOperator, values: string[]): LabelRequirement {
  const errors = [...keyErrors(key, "key"), ...valueCountErrors(operator, values)];
  values.forEach((value, index) => {
    const wrong = isLabelValue(value);
    if (wrong.length > 0) errors.push(fieldError.invalid(`values[${index}][${key}]`, value, wrong.join("; ")));
  });
  if (errors.length > 0) throw new SelectorError(joinMessages(errors.map(formatFieldError)));
  return { key, operator, values };
}

/** What is wrong with a label key, as one error at the path. */
export function keyErrors(key: string, path: string): FieldError[] {
  const wrong = isQualifiedName(key);
  return wrong.length === 0 ? [] : [fieldError.invalid(path, key, wrong.join("; "))];
}

function valueCountErrors(operator: LabelOperator, values: string[]): FieldError[] {
  const wrong = (detail: string) => [fieldError.invalid("values", values, detail)];
  switch (operator) {
    case "in":
    case "notin":
      return values.length > 0 ? [] : wrong("for 'in', 'notin' operators, values set can't be empty");
    case "exists":
    case "!":
      return values.length === 0 ? [] : wrong("values set must be empty for exists and does not exist");
    case "gt":
    case "lt": {
      const errors = values.length === 1 ? [] : wrong("for 'Gt', 'Lt' operators, exactly one value is required");
      values.forEach((value, index) => {
        if (toInt64(value) !== undefined) return;
        const detail = "for 'Gt', 'Lt' operators, the value must be an integer";
        errors.push(fieldError.invalid(`values[${index}]`, value, detail));
      });
      return errors;
    }
    default:
      return values.length === 1 ? [] : wrong("exact-match compatibility requires one single value");
  }
}

/** Whether a label, undefined where the object has none of that key, meets the requirement. */
export function satisfiesRequirement(requirement: LabelRequirement, value: string | undefined): boolean {
  switch (requirement.operator) {
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "notin":
    case "!=":
      return value === undefined || !requirement.values.includes(value);
    case "gt":
    case "lt": {
      const actual = value === undefined ? undefined : toInt64(value);
      const bound = toInt64(requirement.values[0] ?? "");
      if (actual === undefined || bound === undefined) return false;
      return requirement.operator === "gt" ? actual > bound : actual < bound;
    }
    default:
      return value !== undefined && requirement.values.includes(value);
  }
}

/** "app=web", "tier in (a,b)", "!old". */
export function formatRequirement({ key, operator, values }: LabelRequirement): string {
  const shown = values.toSorted(compareBytewise).join(",");
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${shown})`;
    case "gt":
      return `${key}>${shown}`;
    case "lt":
      return `${key}<${shown}`;
    default:
      return `${key}${operator}${shown}`;
  }
}

function toInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  return value === BigInt.asIntN(64, value) ? value : undefined;
}
