import { ManualClock } from "@podwright/clock";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { WorkQueue } from "./work-queue.ts";

test("a key added many times before its turn runs once", async () => {
  const ran: string[] = [];
  const queue = new WorkQueue({ reconcile: async (key) => void ran.push(key) });
  for (const key of ["a", "b", "a", "a", "c", "b"]) queue.add(key);
  expect(queue.depth).toBe(3);
  queue.start();
  await vi.waitFor(() => expect(queue.idle).toBe(true), { timeout: 20_000 });
  expect(ran).toEqual(["a", "b", "c"]);
  await queue.stop();
});

test("a key added while it runs runs again afterwards, once", async () => {
  let running = 0;
  let runs = 0;
  const queue: WorkQueue = new WorkQueue({
    concurrency: 4,
    reconcile: async (key) => {
      expect(++running).toBe(1);
      if (++runs === 1) for (let i = 0; i < 3; i++) queue.add(key);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    },
  });
  queue.add("a");
  queue.start();
  await vi.waitFor(() => expect(queue.idle).toBe(true), { timeout: 20_000 });
  expect(runs).toBe(2);
  await queue.stop();
});

test("failures wait twice as long each time, up to a limit, and a success begins anew", async () => {
  const clock = new ManualClock();
  const failures: number[] = [];
  let fails = true;
  const queue = new WorkQueue({
    reconcile: async () => {
      if (fails) throw new Error("no");
    },
    minBackoffMs: 10,
    maxBackoffMs: 100,
    onError: (_key, _error, count) => failures.push(count),
    clock,
    random: () => 1,
  });
  queue.add("a");
  queue.start();
  const waits: number[] = [];
  for (let i = 1; i <= 6; i++) {
    await vi.waitFor(() => expect(clock.pending).toBe(1), { timeout: 20_000 });
    waits.push(clock.nextInMs as number);
    if (i === 6) fails = false;
    clock.advance(clock.nextInMs as number);
    await vi.waitFor(() => expect(queue.idle).toBe(true), { timeout: 20_000 });
  }
  expect(waits).toEqual([10, 20, 40, 80, 100, 100]);
  expect(failures).toEqual([1, 2, 3, 4, 5, 6]);
  fails = true;
  queue.add("a");
  await vi.waitFor(() => expect(clock.nextInMs).toBe(10), { timeout: 20_000 });
  await queue.stop();
  expect(clock.pending).toBe(0);
});

test("jitter takes up to half of a wait away", async () => {
  const clock = new ManualClock();
  const queue = new WorkQueue({
    reconcile: () => Promise.reject(new Error("no")),
    minBackoffMs: 100,
    clock,
    random: () => 0,
  });
  queue.add("a");
  queue.start();
  await vi.waitFor(() => expect(clock.nextInMs).toBe(50), { timeout: 20_000 });
  await queue.stop();
});

test("requeueAfterMs runs the key again later; of several waits the earliest counts", async () => {
  const clock = new ManualClock();
  let runs = 0;
  const queue = new WorkQueue({
    reconcile: async () => (++runs === 1 ? { requeueAfterMs: 1000 } : undefined),
    clock,
  });
  queue.add("a");
  queue.start();
  await vi.waitFor(() => expect(clock.nextInMs).toBe(1000), { timeout: 20_000 });
  queue.addAfter("a", 5000);
  expect(clock.nextInMs).toBe(1000);
  queue.addAfter("a", 500);
  expect(clock.nextInMs).toBe(500);
  expect(clock.pending).toBe(1);
  clock.advance(500);
  await vi.waitFor(() => expect(runs).toBe(2), { timeout: 20_000 });
  await queue.stop();
});

test("stop waits for what runs and starts nothing more", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const ran: string[] = [];
  const queue = new WorkQueue({
    reconcile: async (key) => {
      ran.push(key);
      await promise;
    },
  });
  queue.add("a");
  queue.add("b");
  queue.start();
  await vi.waitFor(() => expect(ran).toEqual(["a"]), { timeout: 20_000 });
  let stopped = false;
  const stopping = queue.stop().then(() => {
    stopped = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(stopped).toBe(false);
  resolve();
  await stopping;
  queue.add("c");
  await new Promise((resolve) => setImmediate(resolve));
  expect(ran).toEqual(["a"]);
});

test("whatever is added when: no key runs twice at once, the limit holds, and each key runs after it was added last", async () => {
  const step = fc.record({
    key: fc.constantFrom("a", "b", "c", "d"),
    how: fc.constantFrom("add", "addAfter", "pass"),
    ms: fc.integer({ min: 0, max: 50 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.boolean(), { maxLength: 20 }),
      async (steps, concurrency, outcomes) => {
        const clock = new ManualClock();
        const running = new Set<string>();
        // Counts steps and starts alike, so that "after" has a meaning without time.
        let moment = 0;
        const addedAt = new Map<string, number>();
        const startedAt = new Map<string, number>();
        let problem = "";
        const queue = new WorkQueue({
          concurrency,
          clock,
          reconcile: async (key) => {
            if (running.has(key)) problem = `${key} runs twice at once`;
            running.add(key);
            if (running.size > concurrency) problem = `${running.size} run at once`;
            startedAt.set(key, ++moment);
            await new Promise((resolve) => setImmediate(resolve));
            running.delete(key);
            if (outcomes.pop()) throw new Error("no");
          },
        });
        queue.start();
        for (const { key, how, ms } of steps) {
          if (how === "pass") {
            clock.advance(ms);
            await new Promise((resolve) => setImmediate(resolve));
          } else {
            addedAt.set(key, ++moment);
            if (how === "add") queue.add(key);
            else queue.addAfter(key, ms);
          }
        }
        while (!queue.idle || clock.pending > 0) {
          clock.advance(clock.nextInMs ?? 0);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await queue.stop();
        expect(problem).toBe("");
        for (const [key, at] of addedAt) expect(startedAt.get(key)).toBeGreaterThan(at);
      },
    ),
    { numRuns: 100 },
  );
});
