import { type FieldError, fieldError } from "../field-error.ts";
import { stringifyJson } from "../json.ts";
import type { JsonValue } from "../object.ts";
import { quote } from "../quote.ts";
import type { Problem } from "./validation-result.ts";

/**
 * The texts of what can be wrong with a value (k8s.io/kube-openapi/pkg/validation/errors/schema.go), and the field
 * errors the API server makes of them (k8s.io/apiextensions-apiserver/pkg/apiserver/validation/validation.go). `name`
 * is the value's path below the validated one, "" for itself.
 */

function problem(text: string, name: string, make: (field: string) => FieldError): Problem {
  return { text, at: (path) => make(childOf(path, name)) };
}

/** Upstream writes the absent path so. */
function childOf(path: string, name: string): string {
  const child = name.startsWith(".") ? name.slice(1) : name;
  if (child === "") return path === "" ? "<nil>" : path;
  return path === "" ? child : `${path}.${child}`;
}

export function wrongType(name: string, expected: string, actual: JsonValue): Problem {
  const shown = typeof actual === "string" ? `: ${quote(actual)}` : "";
  const text = `${name} in body must be of type ${expected}${shown}`;
  return problem(text, name, (field) => fieldError.typeInvalid(field, actual, text));
}

export function missingField(name: string): Problem {
  return problem(`${name} in body is required`, name, (field) => fieldError.required(field));
}

export function notInEnum(name: string, value: JsonValue, supported: JsonValue[]): Problem {
  const shown = supported.map((each) => (typeof each === "string" ? each : stringifyJson(each)));
  const text = `${name} in body should be one of [${shown.join(" ")}]`;
  return problem(text, name, (field) => fieldError.notSupported(field, value, shown));
}

export function tooLongText(name: string, max: number): Problem {
  return problem(`${name} in body should be at most ${max} chars long`, name, (field) =>
    fieldError.tooLong(field, max),
  );
}

export function tooManyItems(name: string, actual: number, max: number): Problem {
  const text = `${name} in body should have at most ${max} items`;
  return problem(text, name, (field) => fieldError.tooMany(field, actual, max));
}

export function tooManyFields(name: string, actual: number, max: number): Problem {
  const text = `${name} in body should have at most ${max} properties`;
  return problem(text, name, (field) => fieldError.tooMany(field, actual, max));
}

/** Everything else: "spec.x in body should be …". */
export function brokenRule(name: string, value: JsonValue, rule: string): Problem {
  const text = `${name} in body ${rule}`;
  return problem(text, name, (field) => fieldError.invalid(field, value, text));
}

export function forbiddenField(name: string, key: string): Problem {
  const text = `${name}.${key} in body is a forbidden property`;
  return problem(text, name, (field) => fieldError.invalid(field, key, text));
}

export function wrongFactor(name: string, factor: number): Problem {
  const text = `factor MultipleOf declared for ${name} must be positive: ${factor}`;
  return problem(text, name, (field) => fieldError.invalid(field, factor, text));
}

/** What concerns several schemas at once has no place of its own, only one in its text. */
export function failedJunctor(name: string, rule: string): Problem {
  const text = `${quote(name)} ${rule}`;
  return problem(text, "", (field) => fieldError.invalid(field, "", text));
}
