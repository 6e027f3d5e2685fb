/**
 * Where objects are kept: a multi-version store with one revision for all, as etcd's. Values are the
 * objects' JSON as it is answered, resourceVersion included, so that a read copies bytes and parses nothing.
 *
 * Keys are "/group/plural/namespace/name" ("/group/plural/name" for cluster-scoped ones), ordered by bytes.
 * Readers see durable revisions only; a writer is given the newest value, durable or not, so that writes to
 * one key may follow each other without waiting for the disk. A write is answered when it is durable.
 */
export interface Storage {
  /** The newest durable revision; a new store's is 1. */
  readonly revision: number;
  /** Reads and watches before this revision fail with {@link CompactedError}. 0 before the first compaction. */
  readonly compactedRevision: number;

  /** The object at the revision (default: the newest durable). Throws CompactedError, FutureRevisionError. */
  get(key: string, revision?: number): StoredObject | undefined;

  /** Objects whose key starts with the prefix, by key, as of one revision. Throws CompactedError, FutureRevisionError. */
  list(query: ListQuery): ListPage;

  /**
   * Reads the newest object (pending writes included) and puts what `update` returns in its place, in one step.
   * `update` runs once and synchronously; it throws to refuse. The promise settles when the write, or the state that was
   * refused or left as it is, is durable. Rejects with StorageError ("full", "failed") when the disk took neither this
   * write nor those under way: readers saw none of them.
   */
  write(key: string, update: (current: StoredObject | undefined) => Write): Promise<WriteResult>;

  /** Durable changes to keys with the prefix, after the revision, oldest first. Throws CompactedError. */
  changes(prefix: string, afterRevision: number): Iterable<Change>;

  /** Calls the listener for each durable change, in revision order, synchronously when it becomes durable. Returns the unsubscriber. */
  subscribe(listener: (change: Change) => void): () => void;

  /** Resolves when `revision` is durable here, or false after the time-out. */
  waitFor(revision: number, timeoutMs: number): Promise<boolean>;

  /** Forgets superseded versions up to and including the revision. Throws FutureRevisionError. */
  compact(revision: number): Promise<void>;

  /** Waits for pending writes, then closes. */
  close(): Promise<void>;
}

/** What selectors look at, kept beside the value so that filtering a list parses nothing. Shared: do not change it. */
export interface Attributes {
  labels?: Record<string, string>;
  /** Values of the kind's selectable fields other than metadata.name and metadata.namespace. */
  fields?: Record<string, string>;
}

export interface StoredObject extends Attributes {
  key: string;
  /** The object's JSON. Do not change it. */
  value: Buffer;
  /** The revision of its last write: its resourceVersion. */
  revision: number;
  createRevision: number;
}

export interface ListQuery {
  prefix: string;
  /** Keys from this one on (inclusive). */
  start?: string;
  /** At most so many items; 0 or undefined: all. */
  limit?: number;
  /** As of this revision; undefined: the newest durable. */
  revision?: number;
  /** Counts and returns only those that match; called with no value read. */
  matches?: (entry: { key: string } & Attributes) => boolean;
}

export interface ListPage {
  items: StoredObject[];
  /** The revision that was read. */
  revision: number;
  /** The key to go on from, when there are more. */
  next?: string;
  /** How many (matching) items come after this page; 0 on the last. */
  remaining: number;
}

export type Write =
  /** `encode` is called once, with the new revision, and gives the bytes to store. */
  | ({ type: "put"; encode: (revision: number) => Buffer } & Attributes)
  /** `encode` gives the last state, which watchers see with the deletion's revision. */
  | { type: "delete"; encode: (revision: number) => Buffer }
  /** Nothing to change: no revision is used. */
  | { type: "none" };

export interface WriteResult {
  /** The object as stored (put), as last seen (delete), or as it was (none). */
  object: StoredObject | undefined;
  /** Of the write; the object's own for "none". */
  revision: number;
}

export interface Change extends Attributes {
  type: "put" | "delete";
  key: string;
  revision: number;
  /** The new state, or the last one of a deleted object (with the deletion's resourceVersion in it). */
  value: Buffer;
  /** What it replaced: absent for a new object. `value` reads the log: call it only when it is needed. */
  previous?: Attributes & { revision: number; value: () => Buffer };
}

/** The revision was compacted away. */
export class CompactedError extends Error {
  readonly compactedRevision: number;
  constructor(revision: number, compactedRevision: number) {
    super(`revision ${revision} has been compacted, the oldest is ${compactedRevision}`);
    this.name = "CompactedError";
    this.compactedRevision = compactedRevision;
  }
}

/** The revision has not been written yet. */
export class FutureRevisionError extends Error {
  readonly currentRevision: number;
  constructor(revision: number, currentRevision: number) {
    super(`revision ${revision} is in the future, the newest is ${currentRevision}`);
    this.name = "FutureRevisionError";
    this.currentRevision = currentRevision;
  }
}
