import type { Attributes } from "./storage.ts";

/**
 * What a store keeps on its disk: one record for each revision, and how far it has been compacted. There is one
 * writer, and one call of a writing method at a time.
 */
export interface RevisionLog {
  /** Everything that is kept, in revision order. Called once, before anything else. Throws StorageError "corrupt". */
  load(): LogContents;
  /** The value of a record that has not been removed. */
  read(revision: number): Buffer;
  /** Resolves when all records are durable; rejects with StorageError when none is. */
  append(records: readonly LogRecord[]): Promise<void>;
  /** Notes, durably, that versions superseded by the revision may be removed, and the newest revision there has been. */
  compact(compactedRevision: number, newestRevision: number): Promise<void>;
  /** Removes records. A crash may leave some or all of them. */
  remove(revisions: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

export interface LogContents {
  compactedRevision: number;
  /** At least that of the last record: a compacted deletion leaves no record. 1 in a new log. */
  newestRevision: number;
  records: Iterable<RecordHeader>;
}

/** A record without its value. */
export interface RecordHeader extends Attributes {
  revision: number;
  key: string;
  createRevision: number;
  deleted: boolean;
}

export interface LogRecord {
  header: RecordHeader;
  value: Buffer;
}
