import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@podwright/clock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Records } from "./records.ts";
import type { Run } from "./run.ts";
import { comparePlaces, cursorOf, readCursor, SortedRuns } from "./run-order.ts";

let folder: string;
let clock: ManualClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "podwright-records-"));
  clock = new ManualClock();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (historyDays = 1) =>
  Records.open({
    dataDir: folder,
    clock,
    historyDays,
    onError(error) {
      throw error;
    },
  });

function run(name: string, at: number, phase: Run["phase"] = "Succeeded", tenant = "t"): Run {
  const time = new Date(at).toISOString();
  return {
    name,
    tenant,
    namespace: "n",
    template: "pod",
    kind: "Pod",
    phase,
    createdAt: time,
    finishedAt: time,
    uid: name,
  };
}

test("what ended is found again after a restart: by name, by page, by phase; another tenant's is not", async () => {
  let records = await open();
  for (let i = 0; i < 50; i++) records.finish(run(`r${i}`, clock.now() + i, i % 10 === 0 ? "Failed" : "Succeeded"));
  records.finish(run("other", clock.now(), "Succeeded", "t2"));
  expect(records.get("t", "r7")).toMatchObject({ name: "r7" });
  await records.close();
  records = await open();
  expect(records.get("t", "r7")).toMatchObject({ phase: "Succeeded" });
  const names = [...records.list("t", undefined)].map(({ name }) => name);
  expect(names).toEqual(Array.from({ length: 50 }, (_, i) => `r${49 - i}`));
  const after = { at: clock.now() + 45, name: "r45" };
  expect([...records.list("t", after)].slice(0, 2).map(({ name }) => name)).toEqual(["r44", "r43"]);
  expect([...records.list("t", undefined, ["Failed"])].map(({ name }) => name)).toEqual([
    "r40",
    "r30",
    "r20",
    "r10",
    "r0",
  ]);
  expect([...records.list("t", after, ["Failed", "Lost"])].map(({ name }) => name)).toEqual([
    "r40",
    "r30",
    "r20",
    "r10",
    "r0",
  ]);
  await records.close();
});

test("how a run ended is only made more exact", async () => {
  const records = await open();
  records.finish({ ...run("r", clock.now(), "Failed"), exitCode: 3 });
  records.finish(run("r", clock.now(), "Deleted"));
  await vi.waitFor(() => expect([...records.list("t", undefined)]).toMatchObject([{ phase: "Failed", exitCode: 3 }]));
  await records.close();
});

test("what is too old goes, and nothing else", async () => {
  const records = await open();
  const written = (count: number) => vi.waitFor(() => expect([...records.list("t", undefined)]).toHaveLength(count));
  records.finish(run("old", clock.now()));
  await written(1);
  clock.advance(20 * 3_600_000);
  records.finish(run("new", clock.now()));
  await written(2);
  records.requests.putAnswer("t", "k", { fingerprint: "f", name: "new", status: 201, body: "{}", at: clock.now() });
  clock.advance(5 * 3_600_000);
  // The first may be one that began earlier.
  await records.sweep();
  await records.sweep();
  await vi.waitFor(() => expect([...records.list("t", undefined)].map(({ name }) => name)).toEqual(["new"]));
  expect(records.get("t", "old")).toBeUndefined();
  expect(records.requests.answer("t", "k")).toMatchObject({ name: "new" });
  clock.advance(24 * 3_600_000);
  expect(records.requests.answer("t", "k")).toBeUndefined();
  await records.close();
});

test("runs that were under way are known after a restart", async () => {
  let records = await open();
  records.began(run("a", clock.now(), "Running"));
  records.began(run("b", clock.now(), "Running"));
  records.finish(run("b", clock.now()));
  await records.close();
  records = await open();
  expect([...records.unfinished()].map(({ name }) => name)).toEqual(["a"]);
  await records.close();
});

test("sorted runs are as comparing has them; cursors come back as they went", () => {
  const places = Array.from({ length: 200 }, (_, i) => ({ at: (i * 7919) % 50, name: `n${(i * 31) % 200}` }));
  const sorted = new SortedRuns<{ at: number; name: string }>();
  for (const place of places) sorted.set(place);
  for (const place of places.slice(0, 20)) sorted.delete(place);
  const left = places.slice(20).sort(comparePlaces);
  expect([...sorted.from(undefined)]).toEqual(left);
  expect([...sorted.from(left[90])]).toEqual(left.slice(91));
  expect(readCursor(cursorOf(left[3]!))).toEqual(left[3]);
  expect(() => readCursor("bm90IGE")).toThrow("cursor");
});
