import { systemClock } from "@podwright/clock";
import { expect, test, vi } from "vitest";
import { type Occasion, onDemand } from "./on-demand.ts";

function setUp(load?: () => Promise<void>) {
  const told: string[] = [];
  let happened = (): void => {};
  let left = 0;
  const occasion: Occasion = (tell) => {
    happened = tell;
    return () => left++;
  };
  const running = onDemand({
    occasions: [occasion],
    informers: { synced: async () => void told.push("synced") },
    clock: { ...systemClock, after: (_ms, fire, options) => systemClock.after(1, fire, options) },
    async load() {
      await load?.();
      told.push("loaded");
      return { start: () => told.push("started"), stop: async () => void told.push("stopped") };
    },
    onError: (error) => told.push((error as Error).message),
  });
  return { told, running, happen: () => happened(), left: () => left };
}

test("begins with the first occasion, once, and when informers have synced", async () => {
  const { told, running, happen, left } = setUp();
  expect(told).toEqual([]);
  happen();
  happen();
  await vi.waitFor(() => expect(told).toEqual(["loaded", "synced", "started"]), { timeout: 20_000 });
  expect(left()).toBe(1);
  await running.stop();
  expect(told.at(-1)).toBe("stopped");
});

test("what was stopped before begins no more, and what was stopped meanwhile is not started", async () => {
  const never = setUp();
  await never.running.stop();
  never.happen();
  expect(never.told).toEqual([]);

  const meanwhile = setUp();
  meanwhile.happen();
  await meanwhile.running.stop();
  expect(meanwhile.told).not.toContain("started");
});

test("is tried again when it fails", async () => {
  let failures = 2;
  const { told, running, happen } = setUp(async () => {
    if (failures-- > 0) throw new Error("not yet");
  });
  happen();
  await vi.waitFor(() => expect(told).toEqual(["not yet", "not yet", "loaded", "synced", "started"]), {
    timeout: 20_000,
  });
  await running.stop();
});
