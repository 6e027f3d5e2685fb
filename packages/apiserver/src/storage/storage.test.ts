import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Change, CompactedError, FutureRevisionError, type Storage, type WriteResult } from "./storage.ts";
import { decode, describeObjects, implementations, put, remove, type TestStore } from "./testing/stores.ts";

/** "type key=text@revision previous text" of each change. */
function describeChanges(changes: Iterable<Change>): string[] {
  return [...changes].map((change) => {
    const previous = change.previous ? ` was ${decode({ value: change.previous.value() }).text}` : "";
    return `${change.type} ${describeObjects([change])[0]}${previous}`;
  });
}

describe.each(implementations)("$name storage", ({ make }) => {
  let store: TestStore;
  let storage: Storage;
  beforeEach(async () => {
    store = await make();
    storage = store.storage;
  });
  afterEach(() => store.dispose());

  it("begins at revision 1 with nothing in it", () => {
    expect(storage.revision).toBe(1);
    expect(storage.compactedRevision).toBe(0);
    expect(storage.get("/a/things/x")).toBeUndefined();
    expect(storage.list({ prefix: "/a/things/" })).toEqual({ items: [], revision: 1, remaining: 0 });
  });

  it("gives each write the next revision, for all keys", async () => {
    const created = await put(storage, "/a/things/x", "one");
    expect(created.revision).toBe(2);
    expect((await put(storage, "/b/things/y", "two")).revision).toBe(3);
    expect((await put(storage, "/a/things/x", "three")).object).toMatchObject({ revision: 4, createRevision: 2 });
    expect(storage.revision).toBe(4);
    expect(describeObjects([storage.get("/a/things/x")!])).toEqual(["/a/things/x=three@4"]);
  });

  it("reads earlier revisions", async () => {
    await put(storage, "/a/things/x", "one");
    await put(storage, "/a/things/x", "two");
    await remove(storage, "/a/things/x");
    await put(storage, "/a/things/x", "three");
    const texts = [1, 2, 3, 4, 5].map((revision) => storage.get("/a/things/x", revision));
    expect(texts.map((object) => object && decode(object).text)).toEqual([undefined, "one", "two", undefined, "three"]);
    expect(storage.get("/a/things/x")).toMatchObject({ revision: 5, createRevision: 5 });
    expect(() => storage.get("/a/things/x", 6)).toThrow(FutureRevisionError);
    expect(() => storage.list({ prefix: "/a/", revision: 6 })).toThrow(FutureRevisionError);
  });

  it("shows a writer the writes before it, and readers only what is durable", async () => {
    const seen: (string | undefined)[] = [];
    const append = (text: string) =>
      storage.write("/a/things/x", (current) => {
        seen.push(current && decode(current).text);
        return {
          type: "put",
          encode: (revision) => Buffer.from(JSON.stringify({ text, metadata: { resourceVersion: revision } })),
        };
      });
    const writes = [append("one"), append("two"), append("three")];
    expect(seen).toEqual([undefined, "one", "two"]);
    expect(storage.get("/a/things/x")).toBeUndefined();
    expect(storage.revision).toBe(1);
    const results = await Promise.all(writes);
    expect(results.map(({ revision }) => revision)).toEqual([2, 3, 4]);
    expect(decode(storage.get("/a/things/x")!).text).toBe("three");
  });

  it("keeps the object when there is nothing to change, once it is durable", async () => {
    const write = put(storage, "/a/things/x", "one");
    const unchanged = await storage.write("/a/things/x", () => ({ type: "none" }));
    expect(unchanged.revision).toBe(2);
    expect(storage.revision).toBe(2);
    expect(decode(unchanged.object!).text).toBe("one");
    await write;
    const absent = await storage.write("/a/things/y", () => ({ type: "none" }));
    expect(absent).toEqual({ object: undefined, revision: 2 });
  });

  it("hands on what the update throws, and stores nothing", async () => {
    await put(storage, "/a/things/x", "one");
    const refusal = new Error("refused");
    const refuse = () => {
      throw refusal;
    };
    await expect(storage.write("/a/things/x", refuse)).rejects.toBe(refusal);
    await expect(storage.write("/a/things/x", () => ({ type: "put", encode: refuse }))).rejects.toBe(refusal);
    await expect(remove(storage, "/a/things/y")).rejects.toThrow("no /a/things/y");
    expect(storage.revision).toBe(2);
    expect((await put(storage, "/a/things/x", "two")).revision).toBe(3);
  });

  it("does not keep what the writer gave, which the writer may change", async () => {
    const labels: Record<string, string> = { app: "x" };
    await put(storage, "/a/things/x", "one", { labels, fields: { "status.phase": "Running" } });
    labels["app"] = "y";
    expect(storage.get("/a/things/x")).toMatchObject({ labels: { app: "x" }, fields: { "status.phase": "Running" } });
  });

  it("tells listeners each change in order, when it is durable and before it is answered", async () => {
    const changes: Change[] = [];
    const revisions: number[] = [];
    const unsubscribe = storage.subscribe((change) => {
      changes.push(change);
      revisions.push(storage.revision);
    });
    const label = { labels: { app: "x" } };
    await Promise.all([put(storage, "/a/things/x", "one", label), put(storage, "/a/things/y", "two")]);
    await put(storage, "/a/things/x", "three");
    await remove(storage, "/a/things/x");
    unsubscribe();
    await put(storage, "/a/things/x", "four");
    expect(describeChanges(changes)).toEqual([
      "put /a/things/x=one@2",
      "put /a/things/y=two@3",
      "put /a/things/x=three@4 was one",
      "delete /a/things/x=three@5 was three",
    ]);
    expect(revisions).toEqual([2, 3, 4, 5]);
    expect(changes[2]).toMatchObject({ labels: {}, previous: { labels: { app: "x" }, revision: 2 } });
  });

  it("gives a write of a listener a revision of its own, in the middle of others that became durable with it", async () => {
    const written: Promise<WriteResult>[] = [];
    const unsubscribe = storage.subscribe(({ key }) => {
      if (key.startsWith("/a/things/")) written.push(put(storage, key.replace("things", "notes"), "noted"));
    });
    const names = ["u", "v", "w", "x", "y"];
    await Promise.all(names.map((name) => put(storage, `/a/things/${name}`, "one")));
    const revisions = (await Promise.all(written)).map(({ revision }) => revision);
    unsubscribe();
    expect(revisions).toEqual([7, 8, 9, 10, 11]);
    expect(storage.revision).toBe(11);
    expect(describeChanges(storage.changes("/a/", 1))).toEqual([
      ...names.map((name, i) => `put /a/things/${name}=one@${2 + i}`),
      ...names.map((name, i) => `put /a/notes/${name}=noted@${7 + i}`),
    ]);
  });

  it("replays changes of a prefix after a revision", async () => {
    await put(storage, "/a/things/x", "one");
    await put(storage, "/a/thingsandmore/x", "two");
    await put(storage, "/a/things/y", "three");
    await remove(storage, "/a/things/x");
    expect(describeChanges(storage.changes("/a/things/", 1))).toEqual([
      "put /a/things/x=one@2",
      "put /a/things/y=three@4",
      "delete /a/things/x=one@5 was one",
    ]);
    expect(describeChanges(storage.changes("/a/things/", 4))).toEqual(["delete /a/things/x=one@5 was one"]);
    expect(describeChanges(storage.changes("/a/things/", 5))).toEqual([]);
  });

  describe("lists", () => {
    beforeEach(async () => {
      const labels = (index: number) => ({ labels: { parity: index % 2 === 0 ? "even" : "odd" } });
      const names = ["d", "b", "a", "c", "e"];
      await Promise.all(names.map((name, index) => put(storage, `/a/things/${name}`, name, labels(index))));
      await put(storage, "/a/thing", "other");
      await put(storage, "/a/things0", "other");
    });

    it("are in the order of keys and as of one revision", async () => {
      const { items, revision, next, remaining } = storage.list({ prefix: "/a/things/" });
      expect(describeObjects(items).map((text) => text.slice(-3))).toEqual(["a@4", "b@3", "c@5", "d@2", "e@6"]);
      expect({ revision, next, remaining }).toEqual({ revision: 8, next: undefined, remaining: 0 });
      await remove(storage, "/a/things/a");
      expect(storage.list({ prefix: "/a/things/" }).items).toHaveLength(4);
      expect(storage.list({ prefix: "/a/things/", revision: 8 }).items).toHaveLength(5);
      expect(storage.list({ prefix: "/a/things/", revision: 3 }).items).toHaveLength(2);
    });

    it("come in pages that do not change meanwhile", async () => {
      const first = storage.list({ prefix: "/a/things/", limit: 2 });
      expect(first).toMatchObject({ next: "/a/things/c", remaining: 3, revision: 8 });
      await remove(storage, "/a/things/c");
      await put(storage, "/a/things/dd", "dd");
      const page = { prefix: "/a/things/", limit: 2, revision: first.revision };
      const second = storage.list({ ...page, start: first.next! });
      expect(second).toMatchObject({ next: "/a/things/e", remaining: 1 });
      expect(second.items.map(({ key }) => key)).toEqual(["/a/things/c", "/a/things/d"]);
      // What a continue token says: the key after the last one.
      const third = storage.list({ ...page, start: "/a/things/d\u0000" });
      expect(third.items.map(({ key }) => key)).toEqual(["/a/things/e"]);
      expect(third).toMatchObject({ remaining: 0 });
      expect(third.next).toBeUndefined();
    });

    it("count and page only what matches", () => {
      const matches = ({ labels }: { labels?: Record<string, string> }) => labels?.["parity"] === "even";
      const page = storage.list({ prefix: "/a/things/", limit: 1, matches });
      expect(page.items.map(({ key }) => key)).toEqual(["/a/things/a"]);
      expect(page).toMatchObject({ next: "/a/things/d", remaining: 2 });
    });
  });

  describe("compaction", () => {
    it("forgets superseded versions and deleted objects, and keeps the others", async () => {
      await put(storage, "/a/things/x", "one");
      await put(storage, "/a/things/x", "two");
      await put(storage, "/a/things/y", "gone");
      await remove(storage, "/a/things/y");
      await put(storage, "/a/things/x", "three");
      await storage.compact(5);
      expect(storage.compactedRevision).toBe(5);
      expect(describeObjects(storage.list({ prefix: "/a/", revision: 5 }).items)).toEqual(["/a/things/x=two@3"]);
      expect(describeObjects(storage.list({ prefix: "/a/" }).items)).toEqual(["/a/things/x=three@6"]);
      expect(() => storage.get("/a/things/x", 4)).toThrow(CompactedError);
      expect(() => storage.list({ prefix: "/a/", revision: 4 })).toThrow(CompactedError);
      expect(() => [...storage.changes("/a/", 4)]).toThrow(CompactedError);
      expect(describeChanges(storage.changes("/a/", 5))).toEqual(["put /a/things/x=three@6 was two"]);
      await storage.compact(3);
      expect(storage.compactedRevision).toBe(5);
      await expect(storage.compact(7)).rejects.toThrow(FutureRevisionError);
    });

    it("overtakes a reader of changes, who is told", async () => {
      for (const text of ["one", "two", "three"]) await put(storage, "/a/things/x", text);
      const changes = storage.changes("/a/", 1)[Symbol.iterator]();
      expect(changes.next().value).toMatchObject({ revision: 2 });
      await storage.compact(4);
      expect(() => changes.next()).toThrow(CompactedError);
    });

    it("goes on beside writes", async () => {
      for (let round = 0; round < 3; round++) {
        const writes = Array.from({ length: 2000 }, (_, index) => put(storage, `/a/things/${index % 50}`, `${index}`));
        await Promise.all(writes);
        const compaction = storage.compact(storage.revision);
        const deletions = Array.from({ length: 50 }, (_, index) => remove(storage, `/a/things/${index}`));
        await Promise.all([compaction, ...deletions]);
      }
      await storage.compact(storage.revision);
      expect(storage.list({ prefix: "/a/" }).items).toEqual([]);
    });
  });

  it("says when a revision is durable", async () => {
    await expect(storage.waitFor(1, 0)).resolves.toBe(true);
    await expect(storage.waitFor(2, 1)).resolves.toBe(false);
    const reached = storage.waitFor(3, 60_000);
    await put(storage, "/a/things/x", "one");
    await put(storage, "/a/things/x", "two");
    await expect(reached).resolves.toBe(true);
  });

  it("finishes pending writes when it is closed, and then does nothing", async () => {
    const write = put(storage, "/a/things/x", "one");
    const waiting = storage.waitFor(100, 60_000);
    const closing = storage.close();
    await expect(put(storage, "/a/things/y", "two")).rejects.toMatchObject({ code: "closed" });
    await closing;
    await expect(write).resolves.toMatchObject({ revision: 2 });
    await expect(waiting).resolves.toBe(false);
    await expect(storage.waitFor(100, 60_000)).resolves.toBe(false);
    expect(() => storage.get("/a/things/x")).toThrow("closed");
    await expect(storage.compact(1)).rejects.toMatchObject({ code: "closed" });
  });

  it("goes on where it was when it is opened again", async () => {
    if (store.reopen === undefined) return;
    const attributes = { labels: { app: "x" }, fields: { "spec.nodeName": "n" } };
    await put(storage, "/a/things/x", "one", attributes);
    await put(storage, "/a/things/x", "two", attributes);
    await put(storage, "/a/things/y", "ü".repeat(3000));
    await remove(storage, "/a/things/x");
    await store.reopen();
    storage = store.storage;
    expect(storage.revision).toBe(5);
    expect(storage.get("/a/things/x", 3)).toMatchObject({ createRevision: 2, ...attributes });
    expect(decode(storage.get("/a/things/y")!).text).toBe("ü".repeat(3000));
    expect(describeChanges(storage.changes("/a/things/x", 1))).toHaveLength(3);
    // The last revision is that of a deletion, of which nothing is left.
    await storage.compact(5);
    await store.reopen();
    storage = store.storage;
    expect(storage).toMatchObject({ revision: 5, compactedRevision: 5 });
    expect((await put(storage, "/a/things/x", "three")).object).toMatchObject({ revision: 6, createRevision: 6 });
  });
});
