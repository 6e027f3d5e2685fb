import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Change, CompactedError } from "./storage.ts";
import { decode, implementations, put, remove, type TestStore } from "./testing/stores.ts";

/** One state of a key, as the simplest store there is would keep it: the list of all that ever happened. */
interface Event {
  key: string;
  revision: number;
  createRevision: number;
  text: string;
  label: string;
  deleted: boolean;
}

class Model {
  events: Event[] = [];
  revision = 1;
  floor = 0;

  at(key: string, revision = this.revision): Event | undefined {
    const event = this.events.findLast((event) => event.key === key && event.revision <= revision);
    return event?.deleted ? undefined : event;
  }

  list(prefix: string, revision = this.revision): Event[] {
    const keys = [...new Set(this.events.map(({ key }) => key))].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => this.at(key, revision)).filter((event) => event !== undefined);
  }

  add(key: string, text: string, label: string, deleted: boolean): void {
    const current = this.at(key);
    const revision = ++this.revision;
    const createRevision = current?.createRevision ?? revision;
    const state = deleted ? { text: current!.text, label: current!.label } : { text, label };
    this.events.push({ key, revision, createRevision, deleted, ...state });
  }
}

interface Context {
  model: Model;
  store: TestStore;
}

type StorageCommand = fc.AsyncCommand<Model, Context>;

const prefixes = ["/", "/a/", "/a/things/", "/b/"];
const keys = ["/a/things/x", "/a/things/y", "/a/things/y-1", "/a/thingsandmore/x", "/b/things/x"];
const [key, prefix, label] = [fc.constantFrom(...keys), fc.constantFrom(...prefixes), fc.constantFrom("", "1", "2")];

/** Writes that are all under way at once. */
const writes = fc
  .array(
    fc.record({ key, label, type: fc.constantFrom("put", "put", "delete", "none", "throw"), size: fc.nat(5000) }),
    { minLength: 1, maxLength: 8 },
  )
  .map(
    (writes): StorageCommand => ({
      check: () => true,
      async run(_, { model, store: { storage } }) {
        const results = writes.map(({ key, label, type, size }) => {
          const current = model.at(key);
          if (type === "throw" || (type === "delete" && current === undefined)) {
            const refuse = () => {
              throw new Error("refused");
            };
            return expect(storage.write(key, refuse)).rejects.toThrow("refused");
          }
          if (type === "none") {
            const text = current && decode({ value: Buffer.from(JSON.stringify(asStored(current))) }).text;
            const result = storage.write(key, (object) => {
              expect(object && decode(object).text).toBe(text);
              return { type: "none" };
            });
            return expect(result).resolves.toMatchObject({ object: current && { revision: current.revision } });
          }
          const text = String.fromCharCode(97 + (size % 26)).repeat(size);
          model.add(key, text, label, type === "delete");
          const { revision, createRevision } = model.events.at(-1)!;
          const attributes = label === "" ? {} : { labels: { label }, fields: { field: label } };
          const result = type === "delete" ? remove(storage, key) : put(storage, key, text, attributes);
          return expect(result).resolves.toMatchObject({ revision, object: { createRevision } });
        });
        await Promise.all(results);
        expect(storage.revision).toBe(model.revision);
      },
      toString: () => `write ${writes.map(({ key, type, label }) => `${type} ${key} ${label}`).join(", ")}`,
    }),
  );

/** A list at some revision, in pages. */
const list = fc.record({ prefix, back: fc.nat(30), limit: fc.nat(3), label }).map(
  ({ prefix, back, limit, label }): StorageCommand => ({
    check: () => true,
    async run(_, { model, store: { storage } }) {
      const revision = Math.max(model.revision - back, 1);
      if (revision < model.floor) {
        expect(() => storage.list({ prefix, revision })).toThrow(CompactedError);
        return;
      }
      const matches = ({ labels }: Pick<Change, "labels">) => (labels?.["label"] ?? "") === label;
      const expected = model.list(prefix, revision).filter((event) => label === "" || event.label === label);
      const found: string[] = [];
      let start: string | undefined;
      do {
        const from = { ...(start !== undefined && { start }), ...(label !== "" && { matches }) };
        const page = storage.list({ prefix, revision, limit, ...from });
        for (const object of page.items) found.push(`${object.key} ${object.createRevision} ${stateOf(object)}`);
        expect(page.remaining).toBe(expected.length - found.length);
        start = page.next;
      } while (start !== undefined);
      const states = expected.map((event) => `${event.key} ${event.createRevision} ${event.revision} ${event.text}`);
      expect(found).toEqual(states);
      for (const key of keys) {
        const object = storage.get(key, revision);
        const event = model.at(key, revision);
        expect(object && stateOf(object)).toBe(event && `${event.revision} ${event.text}`);
      }
    },
    toString: () => `list ${prefix} ${back} ago, ${limit} at a time, label ${label}`,
  }),
);

const changes = fc.record({ prefix, back: fc.nat(30) }).map(
  ({ prefix, back }): StorageCommand => ({
    check: () => true,
    async run(_, { model, store: { storage } }) {
      const after = Math.max(model.revision - back, 0);
      if (after < model.floor) {
        expect(() => [...storage.changes(prefix, after)]).toThrow(CompactedError);
        return;
      }
      const expected = model.events.filter((event) => event.revision > after && event.key.startsWith(prefix));
      const found = [...storage.changes(prefix, after)].map((change) => {
        const previous =
          change.previous && `${change.previous.labels?.["label"]} ${stateOf({ value: change.previous.value() })}`;
        return `${change.type} ${change.key} ${change.labels?.["label"]} ${stateOf(change)} ${previous}`;
      });
      const states = expected.map((event) => {
        const old = model.at(event.key, event.revision - 1);
        const previous = old && `${old.label || undefined} ${old.revision} ${old.text}`;
        const type = event.deleted ? "delete" : "put";
        return `${type} ${event.key} ${event.label || undefined} ${event.revision} ${event.text} ${previous}`;
      });
      expect(found).toEqual(states);
    },
    toString: () => `changes ${prefix} after ${back} ago`,
  }),
);

const compact = fc.nat(10).map(
  (back): StorageCommand => ({
    check: () => true,
    async run(_, { model, store: { storage } }) {
      const revision = Math.max(model.revision - back, 0);
      await storage.compact(revision);
      model.floor = Math.max(model.floor, revision);
      expect(storage.compactedRevision).toBe(model.floor);
    },
    toString: () => `compact to ${back} ago`,
  }),
);

const reopen = fc.constant<StorageCommand>({
  check: () => true,
  async run(_, { model, store }) {
    await store.reopen?.();
    expect(store.storage).toMatchObject({ revision: model.revision, compactedRevision: model.floor });
  },
  toString: () => "reopen",
});

function asStored({ text, revision }: Event) {
  return { text, metadata: { resourceVersion: String(revision) } };
}

function stateOf(object: { value: Buffer }): string {
  const { text, revision } = decode(object);
  return `${revision} ${text}`;
}

describe.each(implementations)("$name storage", ({ make }) => {
  it("is as a list of all that happened", async () => {
    const commands = fc.commands([writes, writes, list, changes, compact, reopen], { maxCommands: 40, size: "max" });
    await fc.assert(
      fc.asyncProperty(commands, async (commands) => {
        const store = await make();
        try {
          const model = new Model();
          await fc.asyncModelRun(() => ({ model, real: { model, store } }), commands);
        } finally {
          await store.dispose();
        }
      }),
      { numRuns: 40 },
    );
  });
});
