import { createRequire } from "node:module";
import { createEnvironment, type Environment } from "../../cel/environment.ts";
import type { TextValues } from "./self-value.ts";

/** What rules run in: self and oldSelf, of any type. */
export function ruleEnvironment(): Environment {
  return createEnvironment().registerVariable("self", "dyn").registerVariable("oldSelf", "dyn");
}

export function textValues(environment: Environment): TextValues {
  const duration = environment.parse("duration(self)");
  const timestamp = environment.parse("timestamp(self)");
  // What is no such text is refused by the schema's format.
  const or = (text: string, make: (variables: { self: string }) => unknown): unknown => {
    try {
      return make({ self: text });
    } catch {
      return text;
    }
  };
  return { duration: (text) => or(text, duration), timestamp: (text) => or(text, timestamp) };
}

/** An optional with this value; without one where it is undefined. */
export function optionalOf(value: unknown): unknown {
  const { Optional } = createRequire(import.meta.url)("@marcbachmann/cel-js") as typeof import("@marcbachmann/cel-js");
  return value === undefined ? Optional.none() : Optional.of(value);
}
