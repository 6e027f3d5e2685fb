import { ManualClock } from "@podwright/clock";
import { expect, test } from "vitest";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { freshForMs, mayKeep } from "./freshness.ts";

const now = Date.UTC(2026, 0, 1);
const date = (seconds: number) => new Date(now + seconds * 1000).toUTCString();

test.each([
  [{}, 0],
  [{ "cache-control": "max-age=10" }, 10_000],
  [{ "cache-control": "private, Max-Age=10", age: "4" }, 6_000],
  [{ "cache-control": "max-age=10", age: "40" }, 0],
  [{ "cache-control": "no-cache, max-age=10" }, 0],
  [{ "cache-control": "no-store, max-age=10" }, 0],
  [{ "cache-control": "max-age=10", vary: "*" }, 0],
  [{ expires: date(5), date: date(0) }, 5_000],
  [{ expires: date(5) }, 5_000],
  [{ expires: "0" }, 0],
  [{ expires: date(-5) }, 0],
  [{ "cache-control": "max-age=1", expires: date(50) }, 1_000],
])("%j is fresh for %d ms", (headers, ms) => {
  expect(freshForMs(headers, now)).toBe(ms);
});

test("no-store is not kept for its ETag either", () => {
  expect([mayKeep({ "cache-control": "no-store" }), mayKeep({})]).toEqual([false, true]);
});

test("a circuit breaker opens, lets one through after a while, and waits longer each time that fails", () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker({ clock, threshold: 2, openMs: 1_000, maxOpenMs: 3_000 });
  breaker.failed();
  expect(breaker.enter()).toBe(0);
  breaker.failed();
  expect(breaker.enter()).toBe(1_000);
  clock.advance(1_000);
  expect(breaker.enter()).toBe(0);
  expect(breaker.enter()).toBeGreaterThan(0);
  breaker.failed();
  expect(breaker.enter()).toBe(2_000);
  clock.advance(2_000);
  expect(breaker.enter()).toBe(0);
  breaker.succeeded();
  expect([breaker.isOpen, breaker.enter(), breaker.enter()]).toEqual([false, 0, 0]);
});
