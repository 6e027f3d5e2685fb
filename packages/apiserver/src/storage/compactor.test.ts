import { ManualClock } from "@podwright/clock";
import { expect, it } from "vitest";
import { Compactor } from "./compactor.ts";
import { openStorage } from "./open-storage.ts";
import { put } from "./testing/stores.ts";

it("compacts to where the storage was an interval ago, until it is stopped", async () => {
  const clock = new ManualClock();
  const storage = await openStorage({ type: "memory" });
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const compactor = new Compactor({ storage, clock, intervalMs: 300_000, onError });
  compactor.start();
  await put(storage, "/a/things/x", "one");
  clock.advance(300_000);
  await put(storage, "/a/things/x", "two");
  await expect.poll(() => storage.compactedRevision).toBe(1);
  clock.advance(299_999);
  expect(storage.compactedRevision).toBe(1);
  clock.advance(1);
  await expect.poll(() => storage.compactedRevision).toBe(2);
  compactor.stop();
  expect(clock.pending).toBe(0);
  compactor.start();
  await storage.close();
  clock.advance(300_000);
  await expect.poll(() => errors).toEqual([expect.objectContaining({ code: "closed" })]);
  compactor.stop();
});
