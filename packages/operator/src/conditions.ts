import { formatTime } from "@podwright/kube";

/** As metav1.Condition. */
export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason: string;
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/** What a condition is to say. */
export type ConditionFacts = Pick<Condition, "type" | "status" | "reason" | "message">;

/** The condition that says so, beside or in place of those before it; its time changes only with its status. */
export function conditionOf(
  facts: ConditionFacts,
  before: readonly Condition[] | undefined,
  generation: number | undefined,
  nowMs: number,
): Condition {
  const old = before?.find(({ type }) => type === facts.type);
  return {
    ...facts,
    lastTransitionTime: old?.status === facts.status ? old.lastTransitionTime : formatTime(nowMs),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}
