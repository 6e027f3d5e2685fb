import type { LogContents, LogRecord, RevisionLog } from "./revision-log.ts";

/** A log that keeps values as long as the process lives. */
export class MemoryLog implements RevisionLog {
  readonly #values = new Map<number, Buffer>();

  load(): LogContents {
    return { compactedRevision: 0, newestRevision: 1, records: [] };
  }

  read(revision: number): Buffer {
    const value = this.#values.get(revision);
    if (value === undefined) throw new Error(`the log has no revision ${revision}`);
    return value;
  }

  async append(records: readonly LogRecord[]): Promise<void> {
    for (const { header, value } of records) this.#values.set(header.revision, value);
  }

  async compact(): Promise<void> {}

  async remove(revisions: readonly number[]): Promise<void> {
    for (const revision of revisions) this.#values.delete(revision);
  }

  async close(): Promise<void> {
    this.#values.clear();
  }
}
