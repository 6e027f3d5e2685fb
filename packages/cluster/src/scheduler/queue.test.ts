import { ManualClock } from "@podwright/client";
import { expect, test } from "vitest";
import type { Pod } from "../kinds.ts";
import { podOf } from "../testing/objects.ts";
import { SchedulingQueue } from "./queue.ts";

function setUp() {
  const clock = new ManualClock();
  const queue = new SchedulingQueue(clock, () => {});
  const popped = () => queue.pop()?.pod.metadata.name;
  return { clock, queue, popped };
}

function pod(name: string, priority = 0): Pod {
  const made = podOf(name, [{}], { priority });
  made.metadata.uid = name;
  return made;
}

test("higher priority first, then who came first", () => {
  const { queue, popped } = setUp();
  for (const each of [pod("a"), pod("b", 5), pod("c"), pod("d", 5)]) queue.add(each);
  expect([popped(), popped(), popped(), popped(), popped()]).toEqual(["b", "d", "a", "c", undefined]);
});

test("an unschedulable pod waits for a change, and then for the rest of its back-off", () => {
  const { clock, queue, popped } = setUp();
  queue.add(pod("a"));
  const first = queue.pop();
  queue.unschedulable(first?.pod as Pod, first?.cycle as number);
  clock.advance(60_000);
  expect(popped()).toBeUndefined();
  queue.moveAll();
  const second = queue.pop();
  expect(second?.pod.metadata.name).toBe("a");
  queue.unschedulable(second?.pod as Pod, second?.cycle as number);
  queue.moveAll();
  clock.advance(1_999);
  expect(popped()).toBeUndefined();
  clock.advance(1);
  expect(popped()).toBe("a");
});

test("a change while the pod was being tried counts", () => {
  const { clock, queue, popped } = setUp();
  queue.add(pod("a"));
  const tried = queue.pop();
  queue.moveAll();
  queue.unschedulable(tried?.pod as Pod, tried?.cycle as number);
  clock.advance(1_000);
  expect(popped()).toBe("a");
});

test("a removed pod does not come back", () => {
  const { clock, queue, popped } = setUp();
  queue.add(pod("a"));
  queue.retry(queue.pop()?.pod as Pod);
  queue.remove("a");
  clock.advance(60_000);
  expect(popped()).toBeUndefined();
  expect(clock.pending).toBe(0);
});
