import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@podwright/client";
import { type Database, open, type RootDatabase } from "lmdb";
import { mergedPlaces, type PhaseKey } from "./phase-ranges.ts";
import type { QueuedRun } from "./queued-run.ts";
import { RequestRecords } from "./request-records.ts";
import type { Phase, Run } from "./run.ts";
import { cursorOf, type RunPlace } from "./run-order.ts";

export interface RecordsOptions {
  /** Made when it is not there; a temporary one when absent. */
  dataDir?: string;
  clock: Clock;
  /** How long finished runs and answers are kept. */
  historyDays: number;
  /** Told of writes that failed: what is not awaited has nobody else to tell. */
  onError: (error: unknown) => void;
}

const sweepEveryMs = 3_600_000;
const beginWithinMs = 1_000;
const sweepBatch = 2_000;
/** A key's descending part: LMDB sorts numbers up. */
const newestFirst = (at: number): number => -at;
const lastText = "\uffff";

type Key = (string | number)[];

/**
 * What outlives Pods, Jobs and the service itself: finished runs, runs under way, runs that were promised a place in
 * line, and answers to idempotent requests. Writes are together with others of the moment; those that are awaited
 * are on disk.
 */
export class Records {
  /** What is known of requests. */
  readonly requests: RequestRecords;
  readonly #root: RootDatabase;
  readonly #clock: Clock;
  readonly #historyMs: number;
  readonly #temporary: string | undefined;
  readonly #onError: (error: unknown) => void;
  /** Ends that are not committed yet: reads find them here. */
  readonly #ending = new Map<string, Run>();
  readonly #beginning = new Map<string, Run>();
  #beginTimer: { cancel(): void } | undefined;
  /** [tenant, -at, name] → Run. */
  readonly #finished: Database<Run, Key>;
  /** [tenant, phase, -at, name] → nothing: the same by phase. */
  readonly #byPhase: Database<boolean, Key>;
  /** [tenant, name] → at. */
  readonly #names: Database<number, Key>;
  /** [finished at, tenant, at, name] → nothing. */
  readonly #expiry: Database<boolean, Key>;
  /** [tenant, name] → Run: under way. */
  readonly #open: Database<Run, Key>;
  readonly #queue: Database<QueuedRun, number>;
  #timer: { cancel(): void } | undefined;
  #sweeping: Promise<void> | undefined;

  private constructor(root: RootDatabase, options: RecordsOptions, temporary: string | undefined) {
    this.#root = root;
    this.#clock = options.clock;
    this.#historyMs = options.historyDays * 86_400_000;
    this.#temporary = temporary;
    this.#onError = options.onError;
    const json = { encoding: "json" as const };
    this.#finished = root.openDB({ name: "finished", ...json });
    this.#byPhase = root.openDB({ name: "phases", ...json });
    this.#names = root.openDB({ name: "names", ...json });
    this.#expiry = root.openDB({ name: "expiry", ...json });
    this.#open = root.openDB({ name: "open", ...json });
    this.#queue = root.openDB({ name: "queue", ...json });
    this.requests = new RequestRecords(root, options.clock, options.onError);
  }

  /** Opens the store. Throws the file system's error when the folder cannot be used. */
  static async open(options: RecordsOptions): Promise<Records> {
    const temporary = options.dataDir === undefined ? await mkdtemp(join(tmpdir(), "podwright-runs-")) : undefined;
    const path = options.dataDir ?? (temporary as string);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const root = open({
      path: join(path, "runs.mdb"),
      maxDbs: 12,
      compression: false,
      noSync: temporary !== undefined,
    });
    const records = new Records(root, options, temporary);
    records.#sweepLater();
    return records;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#beginTimer?.cancel();
    this.#writeBeginnings();
    await this.#sweeping?.catch(() => {});
    await this.#root.close();
    if (this.#temporary !== undefined) await rm(this.#temporary, { recursive: true, force: true });
  }

  /** A run is under way: should it vanish while the service is away, that is known. Written within a second. */
  began(run: Run): void {
    this.#beginning.set(`${run.tenant}\n${run.name}`, run);
    this.#beginTimer ??= this.#clock.after(beginWithinMs, () => this.#writeBeginnings(), { background: true });
  }

  // Together: at hundreds a second each write of its own would keep the disk from the cluster's storage.
  #writeBeginnings(): void {
    this.#beginTimer = undefined;
    const runs = [...this.#beginning.values()];
    this.#beginning.clear();
    this.#later(
      this.#root.transaction(() => {
        for (const run of runs) void this.#open.put([run.tenant, run.name], run);
      }),
    );
  }

  *unfinished(): Generator<Run, void, undefined> {
    for (const { value } of this.#open.getRange({ snapshot: false })) yield value;
  }

  /** A run is done, or gone. What is known of its end is only added to. */
  finish(run: Run): void {
    const at = Date.parse(run.createdAt) || 0;
    const key: Key = [run.tenant, newestFirst(at), run.name];
    const pending = `${run.tenant}\n${run.name}`;
    this.#beginning.delete(pending);
    this.#ending.set(pending, run);
    const done = this.#root.transaction(() => {
      const before = this.#finished.get(key);
      const known = merged(before, run);
      if (before === undefined) {
        void this.#expiry.put([Date.parse(run.finishedAt ?? "") || this.#clock.now(), run.tenant, at, run.name], true);
      } else if (before.phase !== known.phase) {
        void this.#byPhase.remove([run.tenant, before.phase, newestFirst(at), run.name]);
      }
      if (JSON.stringify(before) !== JSON.stringify(known)) {
        void this.#finished.put(key, known);
        void this.#byPhase.put([run.tenant, known.phase, newestFirst(at), run.name], true);
        void this.#names.put([run.tenant, run.name], at);
      }
      if (this.#open.doesExist([run.tenant, run.name])) void this.#open.remove([run.tenant, run.name]);
    });
    this.#later(
      done.then(() => {
        if (this.#ending.get(pending) === run) this.#ending.delete(pending);
      }),
    );
  }

  get(tenant: string, name: string): Run | undefined {
    const ending = this.#ending.get(`${tenant}\n${name}`);
    if (ending !== undefined) return ending;
    const at = this.#names.get([tenant, name]);
    return at === undefined ? undefined : this.#finished.get([tenant, newestFirst(at), name]);
  }

  /** Finished runs that are not written yet, in no order: {@link list} does not know them. */
  *ending(tenant: string): Generator<Run, void, undefined> {
    for (const run of this.#ending.values()) if (run.tenant === tenant) yield run;
  }

  /** Finished runs of a tenant, the newest first, after a place; of some phases only when they are given. */
  *list(
    tenant: string,
    after: RunPlace | undefined,
    phases?: readonly Phase[],
  ): Generator<Run & RunPlace, void, undefined> {
    if (phases !== undefined) {
      yield* this.#listPhases(tenant, after, phases);
      return;
    }
    const start: Key = after === undefined ? [tenant] : [tenant, newestFirst(after.at), after.name];
    const range = this.#finished.getRange({ start, end: [tenant, Number.MAX_SAFE_INTEGER, lastText], snapshot: false });
    for (const { key, value } of range) {
      const place = { at: -(key[1] as number), name: key[2] as string };
      if (after === undefined || cursorOf(place) !== cursorOf(after)) yield { ...value, ...place };
    }
  }

  // One ordered range per phase, merged.
  *#listPhases(
    tenant: string,
    after: RunPlace | undefined,
    phases: readonly Phase[],
  ): Generator<Run & RunPlace, void, undefined> {
    const ranges = phases.map((phase) => {
      const start: Key = after === undefined ? [tenant, phase] : [tenant, phase, newestFirst(after.at), after.name];
      const end: Key = [tenant, phase, Number.MAX_SAFE_INTEGER, lastText];
      return this.#byPhase.getRange({ start, end, snapshot: false })[Symbol.iterator]() as Iterator<{ key: PhaseKey }>;
    });
    for (const place of mergedPlaces(ranges)) {
      if (after !== undefined && place.at === after.at && place.name === after.name) continue;
      const run = this.#finished.get([tenant, newestFirst(place.at), place.name]);
      if (run !== undefined) yield { ...run, ...place };
    }
  }

  /** Resolves when the run's place in line is on disk. */
  async putQueued(item: QueuedRun): Promise<void> {
    await this.#queue.put(item.sequence, item);
    await this.#root.flushed;
  }

  removeQueued(item: QueuedRun): void {
    this.#later(this.#queue.remove(item.sequence));
  }

  /** Those that were promised a place, in their order. */
  queued(): QueuedRun[] {
    return [...this.#queue.getRange({})].map(({ value }) => value);
  }

  /** Drops what is older than it is to be kept, once at a time. Writes nothing when there is nothing. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const end: Key = [this.#clock.now() - this.#historyMs];
    for (;;) {
      const old = [...this.#expiry.getRange({ end, limit: sweepBatch })];
      if (old.length === 0) break;
      await this.#root.transaction(() => {
        for (const { key } of old) this.#drop(key as [number, string, number, string]);
      });
    }
    await this.requests.sweep();
  }

  #drop([finishedAt, tenant, at, name]: [number, string, number, string]): void {
    const run = this.#finished.get([tenant, newestFirst(at), name]);
    void this.#expiry.remove([finishedAt, tenant, at, name]);
    if (run === undefined) return;
    void this.#finished.remove([tenant, newestFirst(at), name]);
    void this.#byPhase.remove([tenant, run.phase, newestFirst(at), name]);
    if (this.#names.get([tenant, name]) === at) void this.#names.remove([tenant, name]);
  }

  #later(write: Promise<unknown>): void {
    write.catch(this.#onError);
  }

  #sweepLater(): void {
    this.#timer = this.#clock.after(
      sweepEveryMs,
      () => {
        this.#later(this.sweep());
        this.#sweepLater();
      },
      { background: true },
    );
  }
}

/** Lost and Deleted are what is said when nothing better is known. */
function merged(before: Run | undefined, run: Run): Run {
  if (before === undefined || before.uid !== run.uid) return run;
  const isVague = ({ phase }: Run): boolean => phase === "Lost" || phase === "Deleted";
  return isVague(run) && !isVague(before) ? { ...run, ...before } : { ...before, ...run };
}
