import { canonicalJson, stringifyJson } from "./json.ts";
import type { JsonValue } from "./object.ts";
import { quote } from "./quote.ts";

/** What is wrong with one field (k8s.io/apimachinery/pkg/util/validation/field/errors.go). */
export interface FieldError {
  type:
    | "Invalid"
    | "Required"
    | "NotSupported"
    | "Duplicate"
    | "Forbidden"
    | "TooLong"
    | "TooMany"
    | "NotFound"
    | "TypeInvalid"
    | "Internal";
  /** e.g. "spec.containers[0].image" */
  field: string;
  badValue?: JsonValue | undefined;
  /** The value is not shown. */
  omitted?: true;
  /** How the value is shown, where that is not its JSON. */
  shown?: string;
  detail: string;
}

/** The constructors, one for each type of field error. Paths are text: `${path}.name`, `${path}[0]`, `${path}[key]`. */
export const fieldError = {
  /** A value that breaks a rule: a format, a bound, another field's value. */
  invalid(field: string, badValue: JsonValue | undefined, detail: string): FieldError {
    return { type: "Invalid", field, badValue, detail };
  },
  /** A value of the wrong type. Reads as "Invalid value", but has its own cause. */
  typeInvalid(field: string, badValue: JsonValue | undefined, detail: string): FieldError {
    return { type: "TypeInvalid", field, badValue, detail };
  },
  required(field: string, detail = ""): FieldError {
    return { type: "Required", field, badValue: "", detail };
  },
  /** A value outside a fixed set. The supported values are shown in the given order; upstream sorts them where they come from a set. */
  notSupported(field: string, badValue: JsonValue | undefined, supported: readonly string[] = []): FieldError {
    const detail = supported.length === 0 ? "" : `supported values: ${supported.map(quote).join(", ")}`;
    return { type: "NotSupported", field, badValue, detail };
  },
  duplicate(field: string, badValue: JsonValue | undefined): FieldError {
    return { type: "Duplicate", field, badValue, detail: "" };
  },
  notFound(field: string, badValue: JsonValue | undefined): FieldError {
    return { type: "NotFound", field, badValue, detail: "" };
  },
  forbidden(field: string, detail: string): FieldError {
    return { type: "Forbidden", field, badValue: "", detail };
  },
  /** @param maxLength in bytes; negative when the limit is not to be shown. */
  tooLong(field: string, maxLength: number): FieldError {
    const detail =
      maxLength < 0 ? "value is too long" : `may not be more than ${maxLength} ${maxLength === 1 ? "byte" : "bytes"}`;
    return { type: "TooLong", field, badValue: "<value omitted>", detail };
  },
  /** @param actual number of items; negative when it is not to be shown. */
  tooMany(field: string, actual: number, max: number): FieldError {
    const detail = max < 0 ? "has too many items" : `must have at most ${max} ${max === 1 ? "item" : "items"}`;
    return actual < 0 ? { type: "TooMany", field, detail } : { type: "TooMany", field, badValue: actual, detail };
  },
  /** An error that does not show the value, because it is large. */
  omitted(type: "Invalid" | "Duplicate", field: string, detail: string): FieldError {
    return { type, field, omitted: true, detail };
  },
  internal(field: string, detail: string): FieldError {
    return { type: "Internal", field, badValue: null, detail };
  },
};

const titles: Readonly<Record<FieldError["type"], string>> = {
  Invalid: "Invalid value",
  TypeInvalid: "Invalid value",
  Required: "Required value",
  NotSupported: "Unsupported value",
  Duplicate: "Duplicate value",
  NotFound: "Not found",
  Forbidden: "Forbidden",
  TooLong: "Too long",
  TooMany: "Too many",
  Internal: "Internal error",
};

/** The reason of the status cause an error of this type becomes, e.g. "FieldValueInvalid". */
export function fieldErrorCause(type: FieldError["type"]): string {
  return type === "Internal" ? "InternalError" : `FieldValue${type}`;
}

/** The error without its field, as status causes carry it: `Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorBody(error: FieldError): string {
  let body = titles[error.type];
  switch (error.type) {
    case "Required":
    case "Forbidden":
    case "TooLong":
    case "Internal":
      break;
    default:
      // An absent value is upstream's omitted one; an absent pointer is a null.
      if (!error.omitted && !(error.type === "TooMany" && error.badValue === undefined))
        body += `: ${error.shown ?? showValue(error.badValue)}`;
  }
  return error.detail === "" ? body : `${body}: ${error.detail}`;
}

/** The whole error: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`;
}

/** Several messages as one, repeated ones once: `a`, or `[a, b]` (util/errors/errors.go, Aggregate). */
export function joinMessages(messages: readonly string[]): string {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? (unique[0] as string) : `[${unique.join(", ")}]`;
}

function showValue(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return showNumber(value);
  if (typeof value === "object") return canonicalJson(value);
  return stringifyJson(value);
}

/** Floats as Go's %v; whole numbers are taken for integers. */
function showNumber(value: number): string {
  if (Number.isInteger(value)) return BigInt(value).toString();
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -4 && exponent < 21) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
