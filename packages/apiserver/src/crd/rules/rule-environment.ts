import { createEnvironment, type Environment } from "../../cel/environment.ts";
import type { TextValues } from "./self-value.ts";

/** What rules run in: self and oldSelf, of any type. Their types have been checked: a list of both is one of one type. */
export function ruleEnvironment(): Environment {
  const environment = createEnvironment().clone({ homogeneousAggregateLiterals: false });
  return environment.registerVariable("self", "dyn").registerVariable("oldSelf", "dyn");
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
  return {
    duration: (text) => or(text === "0" ? "0s" : text, duration),
    // Of a second's parts, the package takes three digits.
    timestamp: (text) => or(text.replace(/(\.\d{3})\d+/, "$1"), timestamp),
  };
}
