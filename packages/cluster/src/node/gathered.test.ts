import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { gathered } from "./gathered.ts";

async function* given(...steps: (string | (() => Promise<unknown>))[]): AsyncGenerator<string> {
  for (const step of steps) {
    if (typeof step === "string") yield step;
    else await step();
  }
}

async function textsOf(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const chunk of chunks) texts.push(Buffer.from(chunk).toString());
  return texts;
}

test("what comes at once is one chunk, what comes later another", async () => {
  const slow = () => sleep(20);
  expect(await textsOf(gathered(given("a", "b", slow, "c", "d", slow)))).toEqual(["ab", "cd"]);
  expect(await textsOf(gathered(given()))).toEqual([]);
});

test("a chunk is never much larger than 64 KiB, and nothing is read ahead of who reads", async () => {
  const line = "x".repeat(1024);
  let read = 0;
  const endless = (async function* () {
    for (; read < 1000; read++) yield line;
  })();
  const chunks = gathered(endless);
  const first = await chunks.next();
  expect(first.value?.length).toBe(64 * 1024);
  await turn();
  await turn();
  expect(read).toBeLessThanOrEqual(128);
  expect((await textsOf(chunks)).join("").length + 64 * 1024).toBe(1000 * 1024);
});

test("a failure comes after what came before it", async () => {
  const failing = (): Promise<never> => Promise.reject(new Error("broken"));
  const chunks = gathered(given("a", failing));
  expect(Buffer.from((await chunks.next()).value ?? []).toString()).toBe("a");
  await expect(chunks.next()).rejects.toThrow("broken");
});

test("who reads no more ends the source", async () => {
  let ended = false;
  const source = (async function* () {
    try {
      for (;;) yield "x".repeat(40_000);
    } finally {
      ended = true;
    }
  })();
  const chunks = gathered(source);
  await chunks.next();
  await chunks.return(undefined);
  await turn();
  expect(ended).toBe(true);
});
