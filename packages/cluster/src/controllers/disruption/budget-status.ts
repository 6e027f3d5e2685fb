/** How many pods of a budget may go (k8s.io/kubernetes/pkg/controller/disruption/disruption.go). */
import { isDeepStrictEqual } from "node:util";
import { formatTime, messageOf } from "@podwright/kube";
import type { Condition, Pod } from "../../kinds.ts";
import { isPodReady } from "../../pods.ts";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "./budget.ts";

/** A pod that was evicted and is still there after so long will not go. */
const deletionTimeoutMs = 120_000;

/** How many pods there should be, and how many of them healthy. */
export interface Expectation {
  expected: number;
  healthy: number;
}

/**
 * @param scale how many pods those who control the pods want together; asked only where a share, or
 *   maxUnavailable, needs it.
 */
export async function expectation(
  { spec }: PodDisruptionBudget,
  pods: readonly Pod[],
  scale: () => Promise<number>,
): Promise<Expectation> {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) {
    const expected = await scale();
    return { expected, healthy: Math.max(expected - scaled(maxUnavailable, expected), 0) };
  }
  if (typeof minAvailable === "number") return { expected: pods.length, healthy: minAvailable };
  if (minAvailable === undefined) return { expected: 0, healthy: 0 };
  const expected = await scale();
  return { expected, healthy: scaled(minAvailable, expected) };
}

function scaled(value: number | string, total: number): number {
  if (typeof value === "number") return value;
  return Math.ceil((Number.parseInt(value, 10) * total) / 100);
}

/** The evicted pods that are yet to go, and when the first of them will be given up, in milliseconds from now. */
export function disruptedPods(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  nowMs: number,
): { disrupted: Record<string, string>; recheckAfterMs: number | undefined } {
  const disrupted: Record<string, string> = {};
  let recheckAfterMs: number | undefined;
  for (const { metadata } of pods) {
    const since = budget.status?.disruptedPods?.[metadata.name ?? ""];
    if (since === undefined || metadata.deletionTimestamp !== undefined) continue;
    const leftMs = Date.parse(since) + deletionTimeoutMs - nowMs;
    if (leftMs < 0) continue;
    disrupted[metadata.name ?? ""] = since;
    recheckAfterMs = Math.min(recheckAfterMs ?? leftMs, leftMs);
  }
  return { disrupted, recheckAfterMs };
}

export function budgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  { expected, healthy }: Expectation,
  disrupted: Record<string, string>,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const currentHealthy = pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined &&
      disrupted[pod.metadata.name ?? ""] === undefined &&
      isPodReady(pod),
  ).length;
  const allowed = expected <= 0 ? 0 : Math.max(currentHealthy - healthy, 0);
  const generation = budget.metadata.generation ?? 1;
  return {
    observedGeneration: generation,
    ...(Object.keys(disrupted).length > 0 ? { disruptedPods: disrupted } : {}),
    disruptionsAllowed: allowed,
    currentHealthy,
    desiredHealthy: healthy,
    expectedPods: expected,
    conditions: withCondition(
      budget,
      {
        type: "DisruptionAllowed",
        status: allowed > 0 ? "True" : "False",
        reason: allowed > 0 ? "SufficientPods" : "InsufficientPods",
        message: "",
        observedGeneration: generation,
      },
      nowMs,
    ),
  };
}

/** What is said when the numbers cannot be had: nothing may go. */
export function failedStatus(budget: PodDisruptionBudget, error: unknown, nowMs: number): PodDisruptionBudgetStatus {
  const status: Partial<PodDisruptionBudgetStatus> = budget.status ?? {};
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = status;
  const condition: Condition = {
    type: "DisruptionAllowed",
    status: "False",
    reason: "SyncFailed",
    message: messageOf(error),
    ...(status.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
  };
  const conditions = withCondition(budget, condition, nowMs);
  return { ...status, currentHealthy, desiredHealthy, expectedPods, disruptionsAllowed: 0, conditions };
}

/** The transition time moves with the status only. */
function withCondition({ status }: PodDisruptionBudget, condition: Condition, nowMs: number): Condition[] {
  const conditions = status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === condition.type);
  const lastTransitionTime =
    (old?.status === condition.status ? old.lastTransitionTime : undefined) ?? formatTime(nowMs);
  const next = { ...condition, lastTransitionTime };
  if (old === undefined) return [...conditions, next];
  return isDeepStrictEqual(old, next) ? conditions : conditions.map((each) => (each === old ? next : each));
}
