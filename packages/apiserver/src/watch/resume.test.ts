import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { WatchFrame } from "../request.ts";
import { openStorage } from "../storage/open-storage.ts";
import type { Attributes, Change, Storage } from "../storage/storage.ts";
import { decode, put, remove } from "../storage/testing/stores.ts";
import { WatchHub } from "./hub.ts";

const keys = ["//things/a/x", "//things/a/y", "//things/b/x", "//others/a/x"];
const selections = [
  { prefix: "//things/" },
  { prefix: "//things/a/" },
  { prefix: "//things/a/", key: "//things/a/x" },
  { prefix: "//things/", matches: ({ labels }: Attributes) => labels?.["label"] === "1" },
];

type Selection = (typeof selections)[number];

/** A client: reads as it likes, now and then begins a new watch after the last revision it has seen. */
class Client {
  readonly selection: Selection;
  readonly startRevision: number;
  readonly seen: string[] = [];
  #lastRevision: number;
  #frames: AsyncIterableIterator<WatchFrame> | undefined;
  #next: Promise<void> | undefined;
  readonly #hub: WatchHub;

  constructor(hub: WatchHub, selection: Selection, startRevision: number) {
    this.#hub = hub;
    this.selection = selection;
    this.startRevision = startRevision;
    this.#lastRevision = startRevision;
  }

  /** Asks for the next event, without waiting for it. */
  read(): void {
    const { prefix, key, matches } = this.selection as {
      prefix: string;
      key?: string;
      matches?: (e: Attributes) => boolean;
    };
    this.#frames ??= this.#hub.watch({
      prefix,
      ...(key !== undefined && { key }),
      ...(matches && { matches }),
      afterRevision: this.#lastRevision,
      bookmark: { apiVersion: "v1", kind: "Thing" },
    });
    this.#next ??= this.#frames.next().then(({ value, done }) => {
      this.#next = undefined;
      if (done) return;
      const object = value.object();
      this.#lastRevision = Number(object.metadata.resourceVersion);
      this.seen.push(`${value.type} ${object["text"]}@${this.#lastRevision}`);
    });
  }

  async stop(): Promise<void> {
    await this.#frames?.return?.();
    await this.#next;
    this.#frames = undefined;
  }

  /** Reads until it has so many events. */
  async readUpTo(count: number): Promise<void> {
    while (this.seen.length < count) {
      this.read();
      await this.#next;
    }
  }
}

/** What a client must see, from all changes there were. */
function expected(changes: readonly Change[], { selection, startRevision }: Client): string[] {
  const { prefix, key, matches } = selection as { prefix: string; key?: string; matches?: (e: Attributes) => boolean };
  return changes.flatMap((change) => {
    if (change.revision <= startRevision || !change.key.startsWith(prefix)) return [];
    if (key !== undefined && change.key !== key) return [];
    const was = change.previous !== undefined && (matches?.(change.previous) ?? true);
    const is = change.type === "put" && (matches?.(change) ?? true);
    if (!was && !is) return [];
    const state = !is && change.previous ? decode({ value: change.previous.value() }) : decode(change);
    return [`${is ? (was ? "MODIFIED" : "ADDED") : "DELETED"} ${state.text}@${change.revision}`];
  });
}

async function write(storage: Storage, key: string, text: string, label: string): Promise<void> {
  if (text === "deleted") await remove(storage, key).catch(() => {});
  else await put(storage, key, text, { labels: { label } });
}

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("write" as const),
      key: fc.constantFrom(...keys),
      text: fc.constantFrom("one", "two", "deleted"),
      label: fc.constantFrom("1", "2"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("read" as const), client: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const), client: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("join" as const), selection: fc.constantFrom(...selections) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("turn" as const) }) },
);

it("loses and repeats nothing, whenever it is read, stopped and resumed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 150, size: "max" }), async (steps) => {
      const storage = await openStorage({ type: "memory" });
      const changes: Change[] = [];
      storage.subscribe((change) => changes.push(change));
      const hub = new WatchHub({ storage, freeze: true });
      const clients = selections.map((selection) => new Client(hub, selection, storage.revision));
      const writes: Promise<void>[] = [];
      for (const step of steps) {
        if (step.type === "write") writes.push(write(storage, step.key, step.text, step.label));
        else if (step.type === "read") clients[step.client % clients.length]!.read();
        else if (step.type === "restart") await clients[step.client % clients.length]!.stop();
        else if (step.type === "join") clients.push(new Client(hub, step.selection, storage.revision));
        else await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(writes);
      for (const client of clients) {
        const events = expected(changes, client);
        await client.readUpTo(events.length);
        await client.stop();
        expect(client.seen).toEqual(events);
      }
      hub.close();
      await storage.close();
    }),
    { numRuns: 300 },
  );
});
