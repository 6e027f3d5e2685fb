import { expect, test } from "vitest";
import { BackOff } from "./back-off.ts";

test("the first restart comes at once, then after 10 s, doubling to 5 minutes", () => {
  const backOff = new BackOff();
  const waits: [number, string][] = [];
  let now = 0;
  for (let end = 0; end < 8; end++) {
    waits.push([backOff.remainingMs(now, now), String(backOff)]);
    now += backOff.remainingMs(now, now);
    backOff.restarted(now);
  }
  expect(waits).toEqual([
    [0, "0s"],
    [10_000, "10s"],
    [20_000, "20s"],
    [40_000, "40s"],
    [80_000, "1m20s"],
    [160_000, "2m40s"],
    [300_000, "5m0s"],
    [300_000, "5m0s"],
  ]);
});

test("a container that ran for more than 10 minutes starts from the beginning", () => {
  const backOff = new BackOff();
  backOff.restarted(0);
  backOff.restarted(10_000);
  expect(backOff.remainingMs(600_000, 600_000)).toBe(20_000);
  expect(backOff.remainingMs(620_000, 620_000)).toBe(0);
});

test("what an agent before had come to is known from the number of restarts", () => {
  const backOff = new BackOff();
  backOff.recover(3, 1000);
  expect(backOff.remainingMs(1000, 11_000)).toBe(30_000);
});
