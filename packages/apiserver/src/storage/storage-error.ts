export type StorageErrorCode =
  /** Another process (or this one) has the data directory open. */
  | "locked"
  /** The data directory cannot be made, read or written. */
  | "unwritable"
  /** What is in the data directory is not what was written. */
  | "corrupt"
  /** The disk has no room; the write was not made. */
  | "full"
  /** The disk failed in another way; the write was not made. */
  | "failed"
  /** The store has been closed. */
  | "closed";

/** The store cannot do its work. The message is one line that says what is wrong and what to do. */
export class StorageError extends Error {
  readonly code: StorageErrorCode;
  /** Of "locked": the process that has it, where it is another one. */
  readonly ownerPid: number | undefined;
  constructor(code: StorageErrorCode, message: string, options?: { cause?: unknown; ownerPid?: number }) {
    super(message, options);
    this.name = "StorageError";
    this.code = code;
    this.ownerPid = options?.ownerPid;
  }
}
