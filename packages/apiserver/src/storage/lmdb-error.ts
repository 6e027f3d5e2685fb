import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { LmdbFileError } from "./lmdb-file.ts";
import { lockedError } from "./lmdb-lock.ts";
import { StorageError } from "./storage-error.ts";

const { errno } = constants;

// lmdb gives the reason right after the failure; should it ever not, writers are answered all the same.
const longestReasonMs = 1000;

// liblmdb/lmdb.h
const lmdbInvalid = -30793;
const lmdbVersionMismatch = -30794;
const lmdbCorrupted = -30796;
const lmdbPageNotFound = -30797;
const lmdbMapFull = -30792;

const full: unknown[] = ["ENOSPC", "EDQUOT", "EFBIG", errno.ENOSPC, errno.EDQUOT, errno.EFBIG, lmdbMapFull];
const damaged: unknown[] = [lmdbInvalid, lmdbVersionMismatch, lmdbCorrupted, lmdbPageNotFound];
const taken: unknown[] = [errno.EAGAIN, errno.EBUSY];
const unwritable: unknown[] = [
  ...["EACCES", "EPERM", "EROFS", "ENOTDIR", "EISDIR", "EEXIST", "ENOENT", "ENAMETOOLONG"],
  ...[errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENOENT],
];

/** What it means that a data directory could not be opened. */
export function openingError(directory: string, error: unknown): StorageError {
  const { code, message } = error as Error & { code?: unknown };
  const options = { cause: error };
  if (error instanceof LmdbFileError || damaged.includes(code) || code === "corrupt") {
    const text = `the data in ${directory} is damaged (${message}); put a copy of it in its place, or delete it to start afresh`;
    return new StorageError("corrupt", text, options);
  }
  if (error instanceof StorageError) return error;
  if (taken.includes(code)) return lockedError(directory);
  if (full.includes(code)) {
    return new StorageError("full", `there is no room on the disk for ${directory}; make some`, options);
  }
  if (unwritable.includes(code)) {
    const text = `the data directory ${directory} cannot be written (${message}); give one that can`;
    return new StorageError("unwritable", text, options);
  }
  return new StorageError("failed", `the data directory ${directory} cannot be opened: ${message}`, options);
}

/** What it means that lmdb could not commit. The reason is on a promise beside lmdb's error. */
export async function commitError(error: unknown, hasRoom: () => boolean): Promise<StorageError> {
  const { commitError: reason } = error as { commitError?: Promise<unknown> };
  const cause = await Promise.race([reason, sleep(longestReasonMs)]).then(
    () => error,
    (rejected: unknown) => rejected,
  );
  const { code, message } = cause as Error & { code?: unknown };
  // A page that was written in part is an I/O error to LMDB.
  if (full.includes(code) || !hasRoom()) return fullError(cause);
  return new StorageError("failed", `the disk failed, nothing was written: ${message}`, { cause });
}

export function fullError(cause?: unknown): StorageError {
  return new StorageError("full", "the disk is full, nothing was written; make room on it", { cause });
}
