import { execFile } from "node:child_process";
import { promisify } from "node:util";
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
    interval: 500,
  });
});

// In processes of their own, where nothing else makes V8 collect: left alone it would after 8 seconds, not in 30 looks.
const looking = (busy: string, isGone: string) => `
const { giveBackWhenIdle } = await import(process.argv[1]);
giveBackWhenIdle({ everyMs: 100, worthBytes: ${24 * mb} });
${busy}
process.exitCode = 1;
let looks = 0;
const timer = setInterval(() => {
  const isGone = ${isGone};
  if (isGone) process.exitCode = 0;
  if (isGone || ++looks === 30) clearInterval(timer);
}, 100);`;
const afterwards = (busy: string, isGone: string) => {
  const file = new URL("./idle-memory.ts", import.meta.url).href;
  return promisify(execFile)(process.execPath, ["--input-type=module", "-e", looking(busy, isGone), file]);
};

test("Buffers go too, which the heap's objects do not count", async () => {
  await afterwards(
    `Array.from({ length: 48 }, () => Buffer.allocUnsafeSlow(${mb}));`,
    `process.memoryUsage().arrayBuffers < ${8 * mb}`,
  );
});

test("the system has back what a busy time took", async () => {
  await afterwards(
    `let live = [];
    for (let turn = 0; turn < 60; turn++) {
      for (let i = 0; i < 30_000; i++) live.push({ i, text: "x" + i });
      if (live.length > 60_000) live = live.slice(-20_000);
      await new Promise(setImmediate);
    }
    live = undefined;
    const busyBytes = process.memoryUsage.rss();`,
    `process.memoryUsage.rss() < busyBytes - ${40 * mb}`,
  );
});
