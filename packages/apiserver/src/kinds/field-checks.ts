import { isIP } from "node:net";
import { compareQuantities, type FieldError, fieldError, type JsonValue } from "@podwright/kube";

/*
 * Checks that many kinds make of single fields. They add what is wrong to `errors`
 * (k8s.io/kubernetes/pkg/apis/core/validation/validation.go, k8s.io/apimachinery/pkg/api/validation).
 */

export type Errors = FieldError[];

const isNegative = "must be greater than or equal to 0";
export const isNotPositive = "must be greater than zero";
export const isImmutable = "field is immutable";
export const maxInt32 = 2 ** 31 - 1;

/** One error for each message of a rule ("isDns1123Label(name)"). */
export function invalid(errors: Errors, path: string, value: JsonValue | undefined, messages: readonly string[]): void {
  for (const message of messages) errors.push(fieldError.invalid(path, value, message));
}

/** A text that must be there and follow a rule. */
export function requiredAnd(
  errors: Errors,
  path: string,
  value: string | undefined,
  rule: (value: string) => readonly string[],
): void {
  if (!value) errors.push(fieldError.required(path));
  else invalid(errors, path, value, rule(value));
}

export function required(errors: Errors, path: string, value: string | undefined): void {
  if (!value) errors.push(fieldError.required(path));
}

export function nonNegative(errors: Errors, path: string, value: number | undefined): void {
  if (value !== undefined && value < 0) errors.push(fieldError.invalid(path, value, isNegative));
}

export function positive(errors: Errors, path: string, value: number | undefined): void {
  if ((value ?? 0) <= 0) errors.push(fieldError.invalid(path, value ?? 0, isNotPositive));
}

/** One of a few values, which must be there. The error lists them in the given order. */
export function requiredOneOf(
  errors: Errors,
  path: string,
  value: string | undefined,
  supported: readonly string[],
): void {
  if (!value) errors.push(fieldError.required(path));
  else optionalOneOf(errors, path, value, supported);
}

/** One of a few values, or nothing. */
export function optionalOneOf(
  errors: Errors,
  path: string,
  value: string | null | undefined,
  supported: readonly string[],
): void {
  if (value !== undefined && value !== null && !supported.includes(value)) {
    errors.push(fieldError.notSupported(path, value, supported));
  }
}

export function fileMode(errors: Errors, path: string, mode: number | undefined): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    errors.push(fieldError.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive"));
  }
}

export function nonNegativeQuantity(errors: Errors, path: string, quantity: string): void {
  if (compareQuantities(quantity, "0") < 0) errors.push(fieldError.invalid(path, quantity, isNegative));
}

/** Users and groups of processes. */
export function processId(errors: Errors, path: string, id: number | undefined): void {
  if (id !== undefined && (id < 0 || id > maxInt32)) {
    errors.push(fieldError.invalid(path, id, `must be between 0 and ${maxInt32}, inclusive`));
  }
}

export function ipAddress(errors: Errors, path: string, value: string | undefined): void {
  if (isIP(value ?? "") === 0) {
    const detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    errors.push(fieldError.invalid(path, value ?? "", detail));
  }
}

/** A path with no ".." in it. */
export function pathWithoutBacksteps(errors: Errors, path: string, value: string): void {
  if (value.split("/").includes("..")) errors.push(fieldError.invalid(path, value, "must not contain '..'"));
}

/** A relative path that stays below where it starts. */
export function descendingPath(errors: Errors, path: string, value: string): void {
  if (value.startsWith("/")) errors.push(fieldError.invalid(path, value, "must be a relative path"));
  pathWithoutBacksteps(errors, path, value);
}

/** A descending path whose first name does not look like one of the node agent's own ("..data"). */
export function nonReservedPath(errors: Errors, path: string, value: string): void {
  descendingPath(errors, path, value);
  if (value.startsWith("..") && value !== ".." && !value.startsWith("../")) {
    errors.push(fieldError.invalid(path, value, "must not start with '..'"));
  }
}

/** The paths of list elements: `each(errors, spec.ports, "spec.ports", (port, path) => …)`. */
export function each<T>(
  list: readonly T[] | null | undefined,
  path: string,
  check: (item: T, path: string) => void,
): void {
  let index = 0;
  for (const item of list ?? []) check(item, `${path}[${index++}]`);
}
