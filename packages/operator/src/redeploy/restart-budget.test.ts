import { ManualClock } from "@podwright/clock";
import { expect, test } from "vitest";
import { RestartBudget } from "./restart-budget.ts";

function budgetOf(limit: number) {
  const freed: string[] = [];
  const clock = new ManualClock();
  const budget = new RestartBudget({ limit, holdMs: 1000, clock, onFree: (key) => freed.push(key) });
  return { budget, freed, clock };
}

test("so many restart at a time, the others wait in line", () => {
  const { budget, freed } = budgetOf(2);
  expect(["a", "b", "c", "d"].map((key) => budget.take(key))).toEqual([true, true, false, false]);
  budget.done("a");
  expect(freed).toEqual(["c"]);
  expect(budget.take("c")).toBe(true);
  expect(budget.take("d")).toBe(false);
});

test("one that waits and wants no more passes its turn on", () => {
  const { budget, freed } = budgetOf(1);
  for (const key of ["a", "b", "c"]) budget.take(key);
  budget.done("a");
  budget.unneeded("b");
  expect(freed).toEqual(["b", "c"]);
});

test("a restart is over when the generation it made has rolled out", () => {
  const { budget, freed } = budgetOf(1);
  budget.take("a");
  budget.started("a", 3);
  budget.take("b");
  budget.rolledOut("a", 2);
  expect(freed).toEqual([]);
  budget.rolledOut("a", 3);
  expect(freed).toEqual(["b"]);
});

test("one that does not come to its end keeps nobody waiting for ever", () => {
  const { budget, freed, clock } = budgetOf(1);
  budget.take("a");
  budget.take("b");
  clock.advance(1000);
  expect(freed).toEqual(["b"]);
});
