import { expect, test } from "vitest";
import { EventCorrelator, type EventFacts } from "./event-correlator.ts";

function facts(message: string, name = "web"): EventFacts {
  return {
    component: "tester",
    host: "",
    involvedObject: { apiVersion: "v1", kind: "Pod", namespace: "default", name, uid: name },
    type: "Normal",
    reason: "Tried",
    message,
  };
}

test("the same event again counts up", () => {
  const correlator = new EventCorrelator();
  const first = correlator.observe(facts("a"), 1000);
  const again = correlator.observe(facts("a"), 5000);
  expect(again).toBe(first);
  expect(again).toMatchObject({ count: 2, firstSeenAt: 1000, lastSeenAt: 5000 });
  expect(correlator.observe(facts("b"), 5000)).not.toBe(first);
});

test("names are the object's with a number that no other event has", () => {
  const correlator = new EventCorrelator();
  const names = Array.from({ length: 5 }, (_, i) => correlator.observe(facts(`m${i}`), 1_700_000_000_000)?.name);
  expect(new Set(names).size).toBe(5);
  for (const name of names) expect(name).toMatch(/^web\.[0-9a-f]{16}$/);
  const long = correlator.observe(facts("m", "x".repeat(253)), 1_700_000_000_000);
  expect(long?.name).toHaveLength(253);
});

test("from the tenth different message within ten minutes on, they share one event", () => {
  const correlator = new EventCorrelator();
  const series = Array.from({ length: 12 }, (_, i) => correlator.observe(facts(`m${i}`), 1000 + i));
  expect(new Set(series.slice(0, 9)).size).toBe(9);
  expect(new Set(series.slice(9)).size).toBe(1);
  expect(series[11]).toMatchObject({ count: 3, facts: { message: "(combined from similar events): m11" } });
});

test("messages that come seldom are not combined", () => {
  const correlator = new EventCorrelator();
  for (let i = 0; i < 20; i++) {
    const series = correlator.observe(facts(`m${i}`), i * 601_000);
    expect(series?.facts.message).toBe(`m${i}`);
  }
});

test("a source may tell 25 events about an object, then one every five minutes", () => {
  const correlator = new EventCorrelator();
  const told = (now: number) => correlator.observe(facts("same"), now) !== undefined;
  expect(Array.from({ length: 30 }, () => told(0)).filter(Boolean)).toHaveLength(25);
  expect(told(299_000)).toBe(false);
  expect(told(300_000)).toBe(true);
  expect(told(300_000)).toBe(false);
  expect(correlator.observe(facts("same", "other"), 300_000)).toBeDefined();
});
