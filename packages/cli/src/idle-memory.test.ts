import { getHeapStatistics } from "node:v8";
import { afterEach, expect, test, vi } from "vitest";
import { giveBackWhenIdle } from "./idle-memory.ts";

const mb = 1 << 20;
let memory: { stop(): void } | undefined;
afterEach(() => memory?.stop());

test("garbage goes when there is nothing to do", async () => {
  let garbage: object[] | undefined = Array.from({ length: 500_000 }, (_, index) => ({ index, text: `${index}` }));
  const fullBytes = getHeapStatistics().used_heap_size;
  expect(garbage.length).toBe(500_000);
  garbage = undefined;
  memory = giveBackWhenIdle({ everyMs: 100, worthBytes: mb });
  await vi.waitFor(() => expect(getHeapStatistics().used_heap_size).toBeLessThan(fullBytes - 20 * mb), {
    timeout: 20_000,
    interval: 200,
  });
});
