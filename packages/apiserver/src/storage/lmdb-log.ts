import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { decodeHeader, decodeValue, encodeRecord } from "./record-codec.ts";
import type { LogContents, LogRecord, RecordHeader, RevisionLog } from "./revision-log.ts";
import { StorageError } from "./storage-error.ts";

/** What is kept under key 0, beside the records. */
interface Meta {
  format: 1;
  compactedRevision: number;
  newestRevision: number;
}

/** A log in an LMDB environment: records under their revision. */
export class LmdbLog implements RevisionLog {
  readonly #database: RootDatabase<Buffer, Uint8Array>;

  /** Opens, or makes, the log in a directory. Throws StorageError "locked", "unwritable", "corrupt". */
  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#database = open<Buffer, Uint8Array>({
      path: join(directory, "data.mdb"),
      encoding: "binary",
      keyEncoding: "binary",
      // A commit is then answered after fdatasync, and fails when that fails.
      overlappingSync: false,
      noMemInit: true,
    });
  }

  load(): LogContents {
    const meta = this.#database.getBinary(revisionKey(0));
    const { compactedRevision, newestRevision } =
      meta === undefined ? { compactedRevision: 0, newestRevision: 1 } : (JSON.parse(meta.toString()) as Meta);
    return { compactedRevision, newestRevision, records: this.#headers() };
  }

  *#headers(): Iterable<RecordHeader> {
    for (const { key, value } of this.#database.getRange({ start: revisionKey(1) })) {
      const revision = Number(Buffer.from(key).readBigUInt64BE());
      const header = decodeHeader(revision, value);
      if (header === undefined) throw new StorageError("corrupt", `record ${revision} in the data file is damaged`);
      yield header;
    }
  }

  read(revision: number): Buffer {
    const record = this.#database.getBinary(revisionKey(revision));
    if (record === undefined) throw new StorageError("corrupt", `revision ${revision} has gone from the data file`);
    return decodeValue(record);
  }

  append(records: readonly LogRecord[]): Promise<void> {
    return this.#commit(() => {
      for (const record of records) void this.#database.put(revisionKey(record.header.revision), encodeRecord(record));
    });
  }

  compact(compactedRevision: number, newestRevision: number): Promise<void> {
    const meta: Meta = { format: 1, compactedRevision, newestRevision };
    return this.#commit(() => void this.#database.put(revisionKey(0), Buffer.from(JSON.stringify(meta))));
  }

  remove(revisions: readonly number[]): Promise<void> {
    return this.#commit(() => {
      for (const revision of revisions) void this.#database.remove(revisionKey(revision));
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  /** Runs the operations in one transaction, and resolves when it is on the disk. */
  async #commit(operations: () => void): Promise<void> {
    await this.#database.batch(operations);
  }
}

/** Revisions as keys, in their order. */
function revisionKey(revision: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(revision / 0x1_0000_0000), 0);
  key.writeUInt32BE(revision >>> 0, 4);
  return key;
}
