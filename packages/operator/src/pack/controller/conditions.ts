import type { Condition } from "../pack.ts";

export type ConditionStatus = Condition["status"];

/** The conditions with one set; its time changes only with its status. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  given: { type: string; status: ConditionStatus; reason: string; message: string },
  generation: number | undefined,
  nowMs: number,
): Condition[] {
  const old = conditions?.find((condition) => condition.type === given.type);
  const next: Condition = {
    ...given,
    message: given.message.slice(0, messageLimit),
    lastTransitionTime: old !== undefined && old.status === given.status ? old.lastTransitionTime : timeOf(nowMs),
    ...(generation !== undefined ? { observedGeneration: generation } : {}),
  };
  return [...(conditions ?? []).filter((condition) => condition.type !== given.type), next].sort(
    (a, b) => order.indexOf(a.type) - order.indexOf(b.type),
  );
}

/** The conditions without one. */
export function withoutCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/** RFC 3339 to the second, as metav1.Time. */
export function timeOf(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}

// What a person reads first comes first; others go before, in the order they came.
const order = ["Ready", "Released", "Tested", "Remediated", "Drifted", "ChartAvailable", "Suspended", "Stalled"];

const messageLimit = 4_000;
