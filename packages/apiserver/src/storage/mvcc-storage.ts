import { HotValues } from "./hot-values.ts";
import type { LogRecord, RevisionLog } from "./revision-log.ts";
import {
  type Attributes,
  type Change,
  CompactedError,
  FutureRevisionError,
  type ListPage,
  type ListQuery,
  type Storage,
  type StoredObject,
  type Write,
  type WriteResult,
} from "./storage.ts";
import { StorageError } from "./storage-error.ts";
import { sharedStrings, type Version, VersionIndex } from "./version-index.ts";

/** A write that is in the index and not yet on the disk. */
interface PendingWrite {
  version: Version;
  record: LogRecord;
  /** Called with the error when it was taken back. */
  settled: ((error?: StorageError) => void)[];
}

// A compaction looks at so many states between two turns of the event loop.
const compactionBatch = 1000;

/** Storage over a revision log: an index of all versions in memory, the values in the log. */
export class MvccStorage implements Storage {
  readonly #log: RevisionLog;
  readonly #index = new VersionIndex();
  readonly #values: HotValues;
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #waiting = new Set<{ revision: number; resolve: (reached: boolean) => void }>();
  /** Not durable yet, in revision order, without gaps. */
  #pending: PendingWrite[] = [];
  /** The newest durable one that listeners were told of. */
  #revision: number;
  /** The newest one given to a write. */
  #newest: number;
  #committing: Promise<void> | undefined;
  #compacting: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  /** Reads the log. `hotBytes` of values may be kept in memory. Throws StorageError "corrupt". */
  constructor(log: RevisionLog, options: { hotBytes: number }) {
    this.#log = log;
    this.#values = new HotValues(options.hotBytes);
    const { compactedRevision, newestRevision, records } = log.load();
    this.#index.raiseFloor(compactedRevision);
    let last = Math.max(compactedRevision, 1);
    for (const header of records) {
      if (header.revision <= compactedRevision) this.#index.restore(header);
      else if (header.revision === ++last) this.#index.push(header);
      else throw new StorageError("corrupt", `revision ${last} is missing in the data file; restore it from a copy`);
    }
    if (last < newestRevision) {
      throw new StorageError("corrupt", `revision ${last + 1} is missing in the data file; restore it from a copy`);
    }
    this.#revision = last;
    this.#newest = last;
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#index.floor;
  }

  get(key: string, revision = this.#revision): StoredObject | undefined {
    this.#assertReadable(revision);
    const version = this.#index.at(key, revision);
    return version && this.#object(version);
  }

  list(query: ListQuery): ListPage {
    const { prefix, start = "", limit = 0, revision = this.#revision, matches } = query;
    this.#assertReadable(revision);
    const versions: Version[] = [];
    let next: string | undefined;
    let remaining = 0;
    this.#index.visit(prefix, start, revision, (version) => {
      if (matches !== undefined && !matches(version)) return;
      if (limit === 0 || versions.length < limit) versions.push(version);
      else {
        next ??= version.key;
        remaining++;
      }
    });
    const items = versions.map((version) => this.#object(version));
    return { items, revision, remaining, ...(next !== undefined && { next }) };
  }

  write(key: string, update: (current: StoredObject | undefined) => Write): Promise<WriteResult> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    const head = this.#index.head(key);
    const current = head === undefined || head.deleted ? undefined : this.#object(head);
    const revision = this.#newest + 1;
    let write: Write;
    let value: Buffer;
    try {
      write = update(current);
      if (write.type === "none") {
        const result = { object: current, revision: current?.revision ?? this.#revision };
        return this.#afterSettling(head, () => result);
      }
      if (write.type === "delete" && current === undefined) throw new TypeError(`there is no ${key} to delete`);
      value = write.encode(revision);
    } catch (error) {
      return this.#afterSettling(head, () => {
        throw error;
      });
    }
    const attributes = write.type === "put" ? ownAttributes(write, head) : attributesOf(head!);
    const createRevision = current?.createRevision ?? revision;
    const header = { revision, key, createRevision, deleted: write.type === "delete", ...attributes };
    const version = this.#index.push(header);
    this.#newest = revision;
    version.value = value;
    return new Promise((resolve, reject) => {
      const object = { ...objectOf(version), value };
      this.#pending.push({
        version,
        record: { header, value },
        settled: [(error) => (error === undefined ? resolve({ object, revision }) : reject(error))],
      });
      this.#committing ??= this.#commit();
    });
  }

  *changes(prefix: string, afterRevision: number): Generator<Change> {
    for (let revision = afterRevision + 1; ; revision++) {
      // Also between two changes: a compaction may have overtaken the reader.
      if (this.#closed !== undefined) throw closedError();
      if (revision <= this.#index.floor) throw new CompactedError(revision - 1, this.#index.floor);
      if (revision > this.#revision) return;
      const version = this.#index.made(revision);
      if (version?.key.startsWith(prefix)) yield this.#change(version, this.#value(version));
    }
  }

  subscribe(listener: (change: Change) => void): () => void {
    // Two subscriptions of one function are two.
    const subscription = (change: Change) => listener(change);
    this.#listeners.add(subscription);
    return () => void this.#listeners.delete(subscription);
  }

  waitFor(revision: number, timeoutMs: number): Promise<boolean> {
    if (revision <= this.#revision) return Promise.resolve(true);
    if (this.#closed !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.resolve(false), timeoutMs);
      const waiter = {
        revision,
        resolve: (reached: boolean) => {
          clearTimeout(timer);
          this.#waiting.delete(waiter);
          resolve(reached);
        },
      };
      this.#waiting.add(waiter);
    });
  }

  compact(revision: number): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    if (revision > this.#revision) return Promise.reject(new FutureRevisionError(revision, this.#revision));
    const compaction = this.#compacting.then(() => this.#compact(revision));
    this.#compacting = compaction.catch(() => {});
    return compaction;
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      while (this.#committing !== undefined) await this.#committing;
      await this.#compacting;
      for (const waiter of [...this.#waiting]) waiter.resolve(false);
      this.#listeners.clear();
      await this.#log.close();
    })();
    return this.#closed;
  }

  /** Brings pending writes to the disk, all that have gathered at once (group commit), until there are none. */
  async #commit(): Promise<void> {
    // Writes of requests that came together share the first transaction.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0) {
      const batch = this.#pending.slice();
      try {
        await this.#log.append(batch.map(({ record }) => record));
      } catch (error) {
        this.#takeBack(error instanceof StorageError ? error : new StorageError("failed", String(error)));
        continue;
      }
      this.#publish(batch);
    }
    this.#committing = undefined;
  }

  #publish(batch: PendingWrite[]): void {
    this.#pending.splice(0, batch.length);
    for (const { version, record } of batch) {
      version.value = undefined;
      if (!version.deleted && this.#index.head(version.key) === version) this.#values.hold(version, record.value);
      this.#revision = version.revision;
      if (this.#listeners.size > 0) this.#notify(this.#change(version, record.value));
      if (version.older !== undefined) this.#values.forget(version.older);
    }
    for (const { settled } of batch) for (const settle of settled) settle();
    for (const waiter of [...this.#waiting]) if (waiter.revision <= this.#revision) waiter.resolve(true);
  }

  /** Undoes all that is not durable: what came after a failed write was made from its result. */
  #takeBack(error: StorageError): void {
    const lost = this.#pending;
    this.#pending = [];
    this.#newest -= lost.length;
    for (let count = lost.length; count > 0; count--) this.#index.pop();
    for (const { settled } of lost) for (const settle of settled) settle(error);
  }

  #notify(change: Change): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        // A listener's fault is neither the writer's nor the next listener's.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Gives the result of looking at a state once that state is durable: nobody is told what may be taken back. */
  #afterSettling<T>(state: Version | undefined, result: () => T): Promise<T> {
    const first = this.#pending[0]?.version.revision ?? 0;
    const pending = state && this.#pending[state.revision - first];
    if (pending === undefined) return new Promise((resolve) => resolve(result()));
    return new Promise((resolve, reject) => {
      pending.settled.push((error) => {
        if (error !== undefined) return reject(error);
        try {
          resolve(result());
        } catch (refusal) {
          reject(refusal);
        }
      });
    });
  }

  async #compact(revision: number): Promise<void> {
    if (revision <= this.#index.floor) return;
    await this.#log.compact(revision, this.#revision);
    this.#index.raiseFloor(revision);
    for (let dead = this.#index.prune(compactionBatch); dead; dead = this.#index.prune(compactionBatch)) {
      try {
        await this.#log.remove(dead);
      } catch (error) {
        this.#index.keepDead(dead);
        throw error;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #assertReadable(revision: number): void {
    if (this.#closed !== undefined) throw closedError();
    if (revision > this.#revision) throw new FutureRevisionError(revision, this.#revision);
    if (revision < this.#index.floor) throw new CompactedError(revision, this.#index.floor);
  }

  #object(version: Version): StoredObject {
    return { ...objectOf(version), value: this.#value(version) };
  }

  #value(version: Version): Buffer {
    if (version.value !== undefined) return version.value;
    const value = this.#log.read(version.revision);
    if (!version.deleted && this.#index.head(version.key) === version) this.#values.hold(version, value);
    return value;
  }

  #change(version: Version, value: Buffer): Change {
    const { key, revision, labels, fields, older } = version;
    const change: Change = { type: version.deleted ? "delete" : "put", key, revision, labels, fields, value };
    if (older !== undefined && !older.deleted) {
      change.previous = { ...attributesOf(older), revision: older.revision, value: () => this.#value(older) };
    }
    return change;
  }
}

/** Copies what the writer gave: its strings may be slices that keep the text of the whole request alive. */
function ownAttributes(write: Attributes, head: Version | undefined) {
  return { labels: ownStrings(write.labels, head?.labels), fields: ownStrings(write.fields, head?.fields) };
}

function ownStrings(newer: Record<string, string> | undefined, older: Record<string, string> | undefined) {
  const strings = sharedStrings(newer, older);
  return strings === newer ? (JSON.parse(JSON.stringify(newer)) as Record<string, string>) : strings;
}

function attributesOf({ labels, fields }: Version) {
  return { labels, fields };
}

function objectOf({ key, revision, createRevision, labels, fields }: Version) {
  return { key, revision, createRevision, labels, fields };
}

function closedError(): StorageError {
  return new StorageError("closed", "the store has been closed");
}
