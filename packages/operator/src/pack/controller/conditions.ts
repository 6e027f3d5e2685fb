import { type Condition, type ConditionFacts, conditionOf } from "../../conditions.ts";

/** The conditions with one set; its time changes only with its status. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  given: ConditionFacts,
  generation: number | undefined,
  nowMs: number,
): Condition[] {
  const next = conditionOf({ ...given, message: given.message.slice(0, messageLimit) }, conditions, generation, nowMs);
  return [...(conditions ?? []).filter((condition) => condition.type !== given.type), next].sort(
    (a, b) => order.indexOf(a.type) - order.indexOf(b.type),
  );
}

/** The conditions without one. */
export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

// What a person reads first comes first; others go before, in the order they came.
const order = ["Ready", "Released", "Tested", "Remediated", "Drifted", "ChartAvailable", "Suspended", "Stalled"];

const messageLimit = 4_000;
