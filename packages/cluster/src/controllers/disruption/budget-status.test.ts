import { expect, test } from "vitest";
import type { Pod } from "../../kinds.ts";
import type { PodDisruptionBudget } from "./budget.ts";
import { budgetStatus, disruptedPods, expectation, failedStatus } from "./budget-status.ts";

const budgetWith = (spec: PodDisruptionBudget["spec"], status?: object): PodDisruptionBudget =>
  ({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "b", generation: 2 },
    spec,
    ...(status === undefined ? {} : { status }),
  }) as PodDisruptionBudget;

const pods = (count: number): Pod[] =>
  Array.from({ length: count }, (_unused, index) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `p${index}` },
    spec: { containers: [] },
    status: { conditions: [{ type: "Ready", status: "True" as const }] },
  }));

test.each([
  [{ minAvailable: 2 }, 3, 10, { expected: 3, healthy: 2 }],
  [{ minAvailable: "50%" }, 3, 5, { expected: 5, healthy: 3 }],
  [{ maxUnavailable: 1 }, 3, 5, { expected: 5, healthy: 4 }],
  [{ maxUnavailable: "30%" }, 3, 5, { expected: 5, healthy: 3 }],
  [{ maxUnavailable: 9 }, 3, 5, { expected: 5, healthy: 0 }],
])("%j of %i pods where %i are wanted", async (spec, count, scale, wanted) => {
  expect(await expectation(budgetWith(spec), pods(count), async () => scale)).toEqual(wanted);
});

test("pods that were evicted do not count until they are given up", () => {
  const budget = budgetWith({ minAvailable: 1 }, { disruptedPods: { p0: "2026-01-01T00:00:00Z" } });
  const evicted = Date.parse("2026-01-01T00:00:00Z");
  const soon = disruptedPods(budget, pods(2), evicted + 20_000);
  expect(soon).toEqual({ disrupted: { p0: "2026-01-01T00:00:00Z" }, recheckAfterMs: 100_000 });
  const counts = { expected: 2, healthy: 1 };
  expect(budgetStatus(budget, pods(2), counts, soon.disrupted, evicted)).toMatchObject({
    currentHealthy: 1,
    disruptionsAllowed: 0,
  });
  const late = disruptedPods(budget, pods(2), evicted + 120_001);
  expect(late).toEqual({ disrupted: {}, recheckAfterMs: undefined });
  expect(budgetStatus(budget, pods(2), counts, late.disrupted, evicted)).toMatchObject({ disruptionsAllowed: 1 });
});

test("a budget without pods allows nothing", () => {
  const status = budgetStatus(budgetWith({ minAvailable: 0 }), [], { expected: 0, healthy: 0 }, {}, 0);
  expect(status).toMatchObject({
    disruptionsAllowed: 0,
    conditions: [{ status: "False", reason: "InsufficientPods" }],
  });
});

test("when the numbers cannot be had, nothing may go", () => {
  const before = {
    disruptionsAllowed: 3,
    currentHealthy: 4,
    desiredHealthy: 1,
    expectedPods: 4,
    observedGeneration: 1,
  };
  const status = failedStatus(budgetWith({ minAvailable: 1 }, before), new Error("no size"), 0);
  expect(status).toMatchObject({
    disruptionsAllowed: 0,
    currentHealthy: 4,
    conditions: [{ status: "False", reason: "SyncFailed", message: "no size", observedGeneration: 1 }],
  });
});
