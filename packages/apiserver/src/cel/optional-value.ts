import { createRequire } from "node:module";

/** An optional with this value; without one where it is undefined. */
export function optionalOf(value: unknown): unknown {
  const { Optional } = createRequire(import.meta.url)("@marcbachmann/cel-js") as typeof import("@marcbachmann/cel-js");
  return value === undefined ? Optional.none() : Optional.of(value);
}

/** The value of an optional; undefined without one. */
export function optionalValue(optional: unknown): unknown {
  const { hasValue, value } = optional as { hasValue?: () => boolean; value?: () => unknown };
  if (typeof hasValue !== "function") throw new Error("no such overload");
  return hasValue.call(optional) ? value?.call(optional) : undefined;
}
