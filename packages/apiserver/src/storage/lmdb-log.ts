import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase, type RootDatabaseOptions } from "lmdb";
import { commitError, fullError, openingError } from "./lmdb-error.ts";
import { LmdbFile } from "./lmdb-file.ts";
import { openAlone } from "./lmdb-lock.ts";
import { decodeHeader, decodeValue, encodeRecord } from "./record-codec.ts";
import type { LogContents, LogRecord, RecordHeader, RevisionLog } from "./revision-log.ts";
import { StorageError } from "./storage-error.ts";

type Database = RootDatabase<Buffer, Uint8Array>;

/** What is kept under key 0, beside the records. */
interface Progress {
  format: 1;
  compactedRevision: number;
  newestRevision: number;
}

// What must be free on the disk beside what is written: for pages of the tree, and for others who write to the disk.
const headroomBytes = 4 * 1024 * 1024;
// Compaction makes room, so it may use more of what is left.
const compactionHeadroomBytes = 1024 * 1024;

/** A log in an LMDB environment: records under their revision, which is the key, 8 bytes, big-endian. */
export class LmdbLog implements RevisionLog {
  readonly #database: Database;
  #contents: LogContents | undefined;
  readonly #freeBytes: () => number;

  private constructor(database: Database, contents: LogContents, freeBytes: () => number) {
    this.#database = database;
    this.#contents = contents;
    this.#freeBytes = freeBytes;
  }

  /**
   * Opens, or makes, the log in a directory. `freeBytes` tells how much room the disk has.
   *
   * @throws {StorageError} "locked", "unwritable", "corrupt", "full", "failed"
   */
  static async open(directory: string, freeBytes = () => freeBytesOf(directory)): Promise<LmdbLog> {
    const path = join(directory, "data.mdb");
    let database: Database | undefined;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const isNew = !existsSync(path) || statSync(path).size === 0;
      // LMDB may not meet a file that is not its own, not even to find out who has it open.
      if (!isNew) new LmdbFile(path).close();
      database = await openAlone(directory, () => open<Buffer, Uint8Array>(path, options));
      if (isNew) syncDirectory(directory);
      return new LmdbLog(database, readContents(path), freeBytes);
    } catch (error) {
      await database?.close();
      throw openingError(directory, error);
    }
  }

  load(): LogContents {
    const contents = this.#contents;
    if (contents === undefined) throw new Error("the log is loaded once");
    this.#contents = undefined;
    return contents;
  }

  read(revision: number): Buffer {
    const record = this.#database.getBinary(revisionKey(revision));
    const value = record && decodeValue(record);
    if (value === undefined) throw new StorageError("corrupt", `revision ${revision} in the data file is damaged`);
    return value;
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    const encoded = records.map(({ header: { revision, ...stored }, value }) => ({
      key: revisionKey(revision),
      bytes: encodeRecord(stored, value),
    }));
    // Values that fill less than a page take up to twice their size.
    const room = headroomBytes + 2 * encoded.reduce((sum, { bytes }) => sum + bytes.length, 0);
    await this.#commit(room, () => {
      for (const { key, bytes } of encoded) void this.#database.put(key, bytes);
    });
  }

  compact(compactedRevision: number, newestRevision: number): Promise<void> {
    const progress: Progress = { format: 1, compactedRevision, newestRevision };
    return this.#commit(
      compactionHeadroomBytes,
      () => void this.#database.put(revisionKey(0), encodeRecord(progress, Buffer.alloc(0))),
    );
  }

  remove(revisions: readonly number[]): Promise<void> {
    return this.#commit(compactionHeadroomBytes, () => {
      for (const revision of revisions) void this.#database.remove(revisionKey(revision));
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** Runs the operations in one transaction, and resolves when it is on the disk. */
  async #commit(room: number, operations: () => void): Promise<void> {
    // Asked for before: lmdb 3.5 writes beyond its memory when the disk refuses a page, and the process dies of it.
    if (this.#freeBytes() < room) throw fullError();
    try {
      await this.#database.batch(operations);
    } catch (error) {
      throw await commitError(error, () => this.#freeBytes() >= room);
    }
  }
}

const options = {
  encoding: "binary",
  keyEncoding: "binary",
  // A commit is then answered after it was synced, and fails when that fails.
  overlappingSync: false,
  // Its own batches have promises that nobody gets to handle.
  eventTurnBatching: false,
  noMemInit: true,
  noReadAhead: true,
  permissionsMode: 0o600,
} as RootDatabaseOptions;

/** Reads the file that this process alone has open. */
function readContents(path: string): LogContents {
  const contents = { compactedRevision: 0, newestRevision: 1, records: [] as RecordHeader[] };
  if (statSync(path).size === 0) return contents;
  const file = new LmdbFile(path);
  try {
    for (const { key: revision, value } of file.entries()) {
      const header = decodeHeader(value);
      if (header === undefined) throw new StorageError("corrupt", `record ${revision} is damaged`);
      if (revision > 0) contents.records.push({ revision, ...(header as Omit<RecordHeader, "revision">) });
      else Object.assign(contents, header as Progress);
    }
    file.checkFreePages();
    return contents;
  } finally {
    file.close();
  }
}

function freeBytesOf(directory: string): number {
  const { blocks, bavail, bsize } = statfsSync(directory);
  // A file system that does not say its size has none.
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

/** A new file survives a power failure when its directory was synced too. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Revisions as keys, in their order. */
function revisionKey(revision: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(revision / 2 ** 32), 0);
  key.writeUInt32BE(revision % 2 ** 32, 4);
  return key;
}
