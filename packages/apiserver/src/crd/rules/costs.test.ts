import { readFileSync } from "node:fs";
import type { JsonObject } from "@podwright/kube";
import { describe, expect, it } from "vitest";
import { createEnvironment } from "../../cel/environment.ts";
import { checkedType, estimatedCost, programOf } from "../../cel/program.ts";
import { declaredSize, sizesBelow } from "./declared-size.ts";
import { ruleEnvironment, textValues } from "./rule-environment.ts";
import { declareType } from "./self-type.ts";
import { selfValue } from "./self-value.ts";

/** What k8s.io/apiextensions-apiserver v0.35.4 (pkg/apiserver/schema/cel, Compile) says of rules about one object. */
interface Recorded {
  schema: JsonObject;
  self: JsonObject;
  rules: { rule: string; holds: boolean; cost: number; estimate: number }[];
}

const file = new URL("costs.json", import.meta.url);
const { schema, self: object, rules } = JSON.parse(readFileSync(file, "utf8")) as Recorded;

describe("what rules cost upstream", () => {
  const environment = ruleEnvironment();
  const self = selfValue(object, schema, false, textValues(environment));
  it.each(rules)("when they run: $rule", ({ rule, holds, cost }) => {
    const program = programOf(environment, rule, true);
    expect(program.evaluate({ self, oldSelf: self })).toBe(holds);
    expect(program.cost).toBe(cost);
  });

  const typed = createEnvironment();
  const type = declareType(typed, schema, "self", false) as string;
  typed.registerVariable("self", type).registerVariable("oldSelf", type);
  const size = declaredSize(schema, false);
  it.each(rules)("at most: $rule", ({ rule, estimate }) => {
    if (size === undefined) throw new Error("the schema describes nothing");
    expect(checkedType(typed, rule)).toMatch(/^(bool|dyn)$/);
    // Upstream counts in integers that numbers do not hold.
    const found = estimatedCost(typed, rule, sizesBelow(size));
    expect(Math.abs(found - estimate)).toBeLessThanOrEqual(estimate * 1e-9);
  });
});

it("an expression is stopped when it costs too much, whatever it stands in", () => {
  const environment = ruleEnvironment();
  const list = Array.from({ length: 200 }, (_unused, index) => BigInt(index));
  const dear = "self.all(x, self.all(y, self.all(z, x + y + z >= 0)))";
  for (const rule of [
    dear,
    `${dear} || true`,
    `true && (${dear} || true)`,
    `self.all(x, ${dear.replaceAll("x", "w")} || true)`,
  ]) {
    const program = programOf(environment, rule, true);
    expect(() => program.evaluate({ self: list })).toThrow("operation cancelled: actual cost limit exceeded");
    expect(program.cost).toBeGreaterThan(1_000_000);
    expect(program.cost).toBeLessThan(1_001_000);
  }
});
