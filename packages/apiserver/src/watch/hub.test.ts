import { ManualClock } from "@podwright/clock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { WatchFrame } from "../request.ts";
import { openStorage } from "../storage/open-storage.ts";
import type { Attributes, Storage } from "../storage/storage.ts";
import { put, remove } from "../storage/testing/stores.ts";
import { WatchHub } from "./hub.ts";
import type { WatchQuery } from "./watch.ts";

let storage: Storage;
let clock: ManualClock;
let hub: WatchHub;

beforeEach(async () => {
  storage = await openStorage({ type: "memory" });
  clock = new ManualClock();
  hub = new WatchHub({ storage, clock, freeze: true });
});
afterEach(async () => {
  hub.close();
  await storage.close();
});

type Watcher = AsyncIterableIterator<WatchFrame>;

function watch(query: Partial<WatchQuery> = {}): Watcher {
  return hub.watch({ prefix: "//things/", bookmark: { apiVersion: "v1", kind: "Thing" }, ...query });
}

/** "ADDED text@revision". */
function describeFrame(frame: WatchFrame): string {
  const line = frame.bytes().toString();
  expect(line.endsWith("}\n")).toBe(true);
  const { type, object } = JSON.parse(line);
  expect(object).toEqual(frame.object());
  expect(type).toBe(frame.type);
  if (type === "ERROR") return `ERROR ${object.code} ${object.reason}: ${object.message}`;
  const text = object.text ?? object.metadata.annotations?.["k8s.io/initial-events-end"] ?? "";
  return `${type} ${text}@${object.metadata.resourceVersion}`;
}

async function take(watcher: Watcher, count: number): Promise<string[]> {
  const frames: string[] = [];
  for (let index = 0; index < count; index++) {
    const { value, done } = await watcher.next();
    frames.push(done ? "end" : describeFrame(value));
  }
  return frames;
}

const label = (app: string): Attributes => ({ labels: { app } });
const labelled = (app: string) => (entry: Attributes) => entry.labels?.["app"] === app;

describe("a watch", () => {
  it("gives the changes from when it was asked for, in order, as they become durable", async () => {
    await put(storage, "//things/ns/x", "before");
    const watcher = watch();
    await put(storage, "//things/ns/x", "one");
    await put(storage, "//things/ns/y", "two");
    expect(await take(watcher, 2)).toEqual(["MODIFIED one@3", "ADDED two@4"]);
    const next = take(watcher, 2);
    await remove(storage, "//things/ns/x");
    await put(storage, "//things/ns/x", "three");
    expect(await next).toEqual(["DELETED one@5", "ADDED three@6"]);
  });

  it("is of one prefix, or of one key", async () => {
    const watchers = [
      watch({ prefix: "//things/" }),
      watch({ prefix: "//things/a/" }),
      watch({ prefix: "//things/a/", key: "//things/a/x" }),
    ];
    const write = async () => {
      for (const key of ["//things/a/x", "//things/a/xy", "//things/b/x", "//thing/a/x", "/apps/things/a/x"]) {
        await put(storage, key, key.slice(-3));
      }
    };
    await write();
    // From the log, then live.
    expect(await take(watchers[0]!, 3)).toEqual(["ADDED a/x@2", "ADDED /xy@3", "ADDED b/x@4"]);
    expect(await take(watchers[1]!, 2)).toEqual(["ADDED a/x@2", "ADDED /xy@3"]);
    expect(await take(watchers[2]!, 1)).toEqual(["ADDED a/x@2"]);
    const live = [take(watchers[0]!, 3), take(watchers[1]!, 2), take(watchers[2]!, 1)];
    await write();
    expect(await Promise.all(live)).toEqual([
      ["MODIFIED a/x@7", "MODIFIED /xy@8", "MODIFIED b/x@9"],
      ["MODIFIED a/x@7", "MODIFIED /xy@8"],
      ["MODIFIED a/x@7"],
    ]);
    expect(() => watch({ prefix: "//things" })).toThrow(TypeError);
  });

  it("goes on after a revision", async () => {
    for (const text of ["one", "two", "three"]) await put(storage, "//things/ns/x", text);
    expect(await take(watch({ afterRevision: 1 }), 3)).toEqual(["ADDED one@2", "MODIFIED two@3", "MODIFIED three@4"]);
    expect(await take(watch({ afterRevision: 3 }), 1)).toEqual(["MODIFIED three@4"]);
  });

  it("shows objects entering and leaving its selection", async () => {
    const live = watch({ matches: labelled("a") });
    const first = live.next();
    await put(storage, "//things/ns/x", "one", label("b"));
    await put(storage, "//things/ns/x", "two", label("a"));
    await put(storage, "//things/ns/x", "three", label("a"));
    await put(storage, "//things/ns/x", "four", label("b"));
    await put(storage, "//things/ns/x", "five", label("b"));
    await put(storage, "//things/ns/x", "six", label("a"));
    await remove(storage, "//things/ns/x");
    await put(storage, "//things/ns/x", "seven", label("b"));
    await remove(storage, "//things/ns/x");
    await put(storage, "//things/ns/x", "eight", label("a"));
    // One that leaves is shown as it was, with the revision at which it left.
    const expected = [
      "ADDED two@3",
      "MODIFIED three@4",
      "DELETED three@5",
      "ADDED six@7",
      "DELETED six@8",
      "ADDED eight@11",
    ];
    const { value } = await first;
    expect([describeFrame(value), ...(await take(live, 5))]).toEqual(expected);
    expect(await take(watch({ matches: labelled("a"), afterRevision: 1 }), 6)).toEqual(expected);
  });

  it("begins with the objects there are, and says where they end", async () => {
    const texts = Array.from({ length: 1200 }, (_, index) => String(index).padStart(4, "0"));
    await Promise.all(texts.map((text) => put(storage, `//things/ns/${text}`, text, label(text.slice(-1)))));
    const watcher = watch({ sendInitialEvents: true, initialEventsEnd: true, allowBookmarks: true });
    const initial = await take(watcher, 600);
    // Between its pages: the list stays that of its beginning, the change comes after.
    await remove(storage, "//things/ns/1100");
    initial.push(...(await take(watcher, 600)));
    expect(initial).toEqual(texts.map((text, index) => `ADDED ${text}@${index + 2}`));
    expect(await take(watcher, 2)).toEqual(["BOOKMARK true@1201", "DELETED 1100@1202"]);
    const some = watch({ sendInitialEvents: true, matches: labelled("7"), key: "//things/ns/0017" });
    expect(await take(some, 1)).toEqual(["ADDED 0017@19"]);
    const next = take(some, 1);
    await remove(storage, "//things/ns/0017");
    expect(await next).toEqual(["DELETED 0017@1203"]);
  });

  it("tells when its revision has been compacted, and ends", async () => {
    for (const text of ["one", "two", "three"]) await put(storage, "//things/ns/x", text);
    await storage.compact(3);
    const expired = "ERROR 410 Expired: too old resource version: 2 (3)";
    expect(await take(watch({ afterRevision: 2 }), 2)).toEqual([expired, "end"]);
    expect(await take(watch({ afterRevision: 3 }), 1)).toEqual(["MODIFIED three@4"]);
  });

  it("waits for a slow reader, who reads on in the log", async () => {
    const watcher = watch();
    const first = watcher.next();
    const texts = Array.from({ length: 3500 }, (_, index) => `${index}`);
    await Promise.all(texts.map((text) => put(storage, `//things/ns/${text}`, text)));
    const expected = texts.map((text, index) => `ADDED ${text}@${index + 2}`);
    expect([describeFrame((await first).value), ...(await take(watcher, 3499))]).toEqual(expected);
    const live = take(watcher, 1);
    await remove(storage, "//things/ns/0");
    expect(await live).toEqual(["DELETED 0@3502"]);
  });

  it("loses a slow reader whom compaction has overtaken", async () => {
    const watcher = watch();
    const first = watcher.next();
    await Promise.all(Array.from({ length: 2000 }, (_, index) => put(storage, "//things/ns/x", `${index}`)));
    await first;
    await storage.compact(storage.revision);
    const rest = await take(watcher, 1002);
    expect(rest.slice(-3)).toEqual([
      "MODIFIED 1000@1002",
      "ERROR 410 Expired: too old resource version: 1002 (2001)",
      "end",
    ]);
  });

  it("ends when its reader leaves, whatever is waiting", async () => {
    const watcher = watch({ timeoutMs: 1000, allowBookmarks: true });
    const first = watcher.next();
    await put(storage, "//things/ns/x", "one");
    await put(storage, "//things/ns/x", "two");
    await first;
    expect(clock.pending).toBe(2);
    await watcher.return?.();
    expect(await take(watcher, 1)).toEqual(["end"]);
    expect(clock.pending).toBe(0);
    for await (const frame of watch({ afterRevision: 1 })) {
      expect(describeFrame(frame)).toBe("ADDED one@2");
      break;
    }
  });

  it("ends when the signal aborts, also while it is being read", async () => {
    const abort = new AbortController();
    const [waiting, unread] = [watch({ signal: abort.signal }), watch({ signal: abort.signal })];
    const next = waiting.next();
    abort.abort();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(await take(waiting, 1)).toEqual(["end"]);
    expect(await take(unread, 1)).toEqual(["end"]);
  });

  it("has one reader", async () => {
    const watcher = watch();
    const next = watcher.next();
    await expect(watcher.next()).rejects.toThrow("one reader");
    await put(storage, "//things/ns/x", "one");
    expect((await next).value).toMatchObject({ type: "ADDED" });
  });
});

describe("bookmarks", () => {
  it("come every minute to those who allow them, and tell the newest revision", async () => {
    const [allows, refuses] = [watch({ allowBookmarks: true }), watch()];
    const frames = take(allows, 3);
    const none = refuses.next();
    await put(storage, "//others/ns/x", "one");
    clock.advance(60_000);
    await put(storage, "//others/ns/x", "two");
    clock.advance(59_999);
    await put(storage, "//things/ns/x", "three");
    clock.advance(1);
    expect(await frames).toEqual(["BOOKMARK @2", "ADDED three@4", "BOOKMARK @4"]);
    expect(describeFrame((await none).value)).toBe("ADDED three@4");
    expect(JSON.parse((await nextBookmark(allows)).bytes().toString())).toEqual({
      type: "BOOKMARK",
      object: { kind: "Thing", apiVersion: "v1", metadata: { resourceVersion: "4" } },
    });
  });

  async function nextBookmark(watcher: Watcher): Promise<WatchFrame> {
    const next = watcher.next();
    clock.advance(60_000);
    return (await next).value;
  }

  it("come just before the time-out", async () => {
    const watcher = watch({ allowBookmarks: true, timeoutMs: 30_000 });
    const frames = take(watcher, 3);
    await put(storage, "//things/ns/x", "one");
    clock.advance(30_000);
    expect(await frames).toEqual(["ADDED one@2", "BOOKMARK @2", "end"]);
    const plain = watch({ timeoutMs: 30_000 });
    const end = take(plain, 1);
    clock.advance(30_000);
    expect(await end).toEqual(["end"]);
    expect(clock.pending).toBe(0);
  });
});

describe("the hub", () => {
  it("listens to the storage, and has a timer, only while there are live watches", async () => {
    let listeners = 0;
    const subscribe = storage.subscribe.bind(storage);
    storage.subscribe = (listener) => {
      listeners++;
      const unsubscribe = subscribe(listener);
      return () => {
        listeners--;
        unsubscribe();
      };
    };
    const watchers = [
      watch({ allowBookmarks: true }),
      watch({ allowBookmarks: true }),
      watch({ sendInitialEvents: true }),
    ];
    expect([listeners, clock.pending]).toEqual([0, 0]);
    for (const watcher of watchers) void watcher.next();
    expect([listeners, clock.pending]).toEqual([1, 1]);
    for (const watcher of watchers) await watcher.return?.();
    expect([listeners, clock.pending]).toEqual([0, 0]);
  });

  it("ends all watches when it is closed, after what they have waiting", async () => {
    const [reading, waiting] = [watch(), watch()];
    const firsts = [reading.next(), waiting.next()];
    await put(storage, "//things/ns/x", "one");
    await Promise.all(firsts);
    const second = reading.next();
    await put(storage, "//things/ns/x", "two");
    await second;
    const third = reading.next();
    hub.close();
    expect((await third).done).toBe(true);
    expect(await take(waiting, 2)).toEqual(["MODIFIED two@3", "end"]);
    expect(await take(watch({ afterRevision: 1 }), 1)).toEqual(["end"]);
  });

  it("encodes and parses a change once for all", async () => {
    const frames = [watch(), watch(), watch({ prefix: "//things/ns/" })].map((watcher) => watcher.next());
    await put(storage, "//things/ns/x", "one");
    const [first, second, third] = (await Promise.all(frames)).map(({ value }) => value as WatchFrame);
    expect(second!.bytes()).toBe(first!.bytes());
    expect(third!.object()).toBe(first!.object());
    expect(() => {
      first!.object().metadata.resourceVersion = "0";
    }).toThrow(TypeError);
  });

  it("shares what transforms of one name make, but not the first of a watch", async () => {
    const asTable = {
      name: "Table",
      apply: (object: { text?: string; metadata: object }, first: boolean) => ({
        apiVersion: "meta.k8s.io/v1",
        kind: "Table",
        metadata: object.metadata,
        text: `${first ? "columns " : ""}${object.text ?? ""}`,
      }),
    };
    await put(storage, "//things/ns/x", "one");
    const [listing, replaying] = [
      watch({ sendInitialEvents: true, transform: asTable }),
      watch({ transform: asTable }),
    ];
    expect(await take(listing, 1)).toEqual(["ADDED columns one@2"]);
    await put(storage, "//things/ns/x", "two");
    expect(await take(listing, 1)).toEqual(["MODIFIED two@3"]);
    expect(await take(replaying, 1)).toEqual(["MODIFIED columns two@3"]);
    const frames = [listing.next(), replaying.next()];
    await put(storage, "//things/ns/x", "three");
    const [first, second] = (await Promise.all(frames)).map(({ value }) => value as WatchFrame);
    expect(describeFrame(first!)).toBe("MODIFIED three@4");
    expect(second!.bytes()).toBe(first!.bytes());
  });

  it("ends a watch of a storage that has been closed", async () => {
    const watcher = watch({ afterRevision: 1 });
    await storage.close();
    expect(await take(watcher, 1)).toEqual(["end"]);
  });
});
