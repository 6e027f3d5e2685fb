import type { RecordHeader } from "./revision-log.ts";
import { SortedKeys } from "./sorted-keys.ts";

/** One state of one key. */
export class Version implements RecordHeader {
  readonly key: string;
  readonly revision: number;
  readonly createRevision: number;
  readonly deleted: boolean;
  readonly labels: Record<string, string>;
  readonly fields: Record<string, string>;
  /** What it replaced, as long as that is kept; a deletion counts as a state. */
  older: Version | undefined;
  /** Its bytes, when they are held in memory. */
  value: Buffer | undefined;

  constructor(header: RecordHeader, older: Version | undefined) {
    this.key = older?.key ?? header.key;
    this.revision = header.revision;
    this.createRevision = header.createRevision;
    this.deleted = header.deleted;
    this.labels = sharedStrings(header.labels, older?.labels);
    this.fields = sharedStrings(header.fields, older?.fields);
    this.older = older;
    this.value = undefined;
  }
}

interface Entry {
  readonly key: string;
  head: Version;
}

/**
 * All keys in order, each with its states since the floor, newest first; and all states above the floor by revision.
 * Like etcd's treeIndex (server/storage/mvcc/index.go), it is in memory and the values are elsewhere.
 */
export class VersionIndex {
  readonly #entries = new Map<string, Entry>();
  readonly #order = new SortedKeys<Entry>();
  /** States not pruned yet, by revision, without gaps. */
  readonly #history: Version[] = [];
  /** Revisions that are of no use, but whose records may still be there. */
  #dead: number[] = [];
  #floor = 0;

  /** States at or below it are kept only as far as they are the newest of their key. */
  get floor(): number {
    return this.#floor;
  }

  /** Keys, deleted ones included until they are pruned. */
  get size(): number {
    return this.#order.size;
  }

  /** The newest state of the key, which may be a deletion. */
  head(key: string): Version | undefined {
    return this.#entries.get(key)?.head;
  }

  /** The state of the key at the revision, unless it did not exist then. */
  at(key: string, revision: number): Version | undefined {
    const entry = this.#entries.get(key);
    return entry && visible(entry.head, revision);
  }

  /** Adds the next state: its revision is one above the last's. */
  push(header: RecordHeader): Version {
    const version = this.#put(header);
    this.#history.push(version);
    return version;
  }

  /** Adds a state at or below the floor, in revision order, before any above it. */
  restore(header: RecordHeader): void {
    const version = this.#put(header);
    const { older } = version;
    if (older !== undefined) {
      this.#dead.push(older.revision);
      version.older = undefined;
    }
    if (version.deleted) this.#drop(version);
  }

  /** Takes back the last state. */
  pop(): void {
    const version = this.#history.pop();
    if (version === undefined) throw new Error("there is no state to take back");
    const entry = this.#entries.get(version.key)!;
    if (version.older === undefined) {
      this.#entries.delete(version.key);
      this.#order.delete(version.key);
      return;
    }
    entry.head = version.older;
    // The deletion below was kept only because this state was above it.
    if (entry.head.deleted && entry.head.revision <= this.#floor && !this.#isRecent(entry.head)) this.#drop(entry.head);
  }

  /** Calls `visit` with the state at the revision of each key that begins with `prefix`, from `start` on. */
  visit(prefix: string, start: string, revision: number, visit: (version: Version) => void): void {
    this.#order.visit(prefix, start, ({ head }) => {
      const version = head.revision <= revision && !head.deleted ? head : visible(head, revision);
      if (version !== undefined) visit(version);
    });
  }

  /** The state that the revision made; undefined when it is at or below the floor, or was never made. */
  made(revision: number): Version | undefined {
    const first = this.#history[0];
    return first === undefined || revision <= this.#floor ? undefined : this.#history[revision - first.revision];
  }

  /** From now on states superseded at or below the revision are dead; {@link prune} drops them. */
  raiseFloor(revision: number): void {
    this.#floor = Math.max(this.#floor, revision);
  }

  /** Drops what is dead, looking at no more than `limit` states. Gives the revisions dropped; undefined when it is done. */
  prune(limit: number): number[] | undefined {
    let count = 0;
    for (const version of this.#history) {
      if (count === limit || version.revision > this.#floor) break;
      count++;
      if (version.older !== undefined) this.#dead.push(version.older.revision);
      version.older = undefined;
      if (version.deleted && this.#entries.get(version.key)!.head === version) this.#drop(version);
    }
    if (count === 0 && this.#dead.length === 0) return undefined;
    this.#history.splice(0, count);
    return this.#dead.splice(0, limit);
  }

  /** Takes back revisions that {@link prune} gave and that could not be removed. */
  keepDead(revisions: readonly number[]): void {
    this.#dead = [...revisions, ...this.#dead];
  }

  #put(header: RecordHeader): Version {
    const entry = this.#entries.get(header.key);
    const version = new Version(header, entry?.head);
    if (entry !== undefined) entry.head = version;
    else {
      const added = { key: version.key, head: version };
      this.#entries.set(version.key, added);
      this.#order.insert(added);
    }
    return version;
  }

  #drop(deletion: Version): void {
    this.#entries.delete(deletion.key);
    this.#order.delete(deletion.key);
    this.#dead.push(deletion.revision);
  }

  /** Is the state still to be pruned? */
  #isRecent(version: Version): boolean {
    const first = this.#history[0];
    return first !== undefined && version.revision >= first.revision;
  }
}

function visible(head: Version, revision: number): Version | undefined {
  let version: Version | undefined = head;
  while (version !== undefined && version.revision > revision) version = version.older;
  return version === undefined || version.deleted ? undefined : version;
}

const none: Record<string, string> = Object.freeze({});

/** The older record when it says the same: most writes change no label, so the states of an object share them. */
export function sharedStrings(
  newer: Record<string, string> | undefined,
  older: Record<string, string> | undefined,
): Record<string, string> {
  if (newer === undefined || newer === older) return newer ?? none;
  const names = Object.keys(newer);
  if (names.length === 0) return none;
  if (older === undefined || Object.keys(older).length !== names.length) return newer;
  return names.every((name) => older[name] === newer[name]) ? older : newer;
}
