import { setTimeout as sleep } from "node:timers/promises";
import type { RootDatabase } from "lmdb";
import { StorageError } from "./storage-error.ts";

// Two processes that open one directory at the same moment both see the other; both try again.
const attempts = 4;
const longestPauseMs = 150;

/** Parts of lmdb's database that its types leave out. */
interface LockingDatabase {
  /** Takes a lock among the handles that this process has for the file; it is held until the handle is closed. */
  tryLock(key: Uint8Array): boolean;
}

/**
 * Opens a database that nobody else has open. LMDB lists the processes that read a file, each with a lock of the
 * operating system's that ends with the process, however it ends: so nothing is left to clean up after a crash.
 *
 * @throws {StorageError} "locked"
 */
export async function openAlone<T extends RootDatabase<Buffer, Uint8Array>>(
  directory: string,
  open: () => T,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const database = open();
    const owner = ownerOf(database);
    if (owner === undefined) return database;
    await database.close();
    if (owner === process.pid || attempt === attempts) throw lockedError(directory, owner);
    await sleep(Math.random() * longestPauseMs);
  }
}

export function lockedError(directory: string, owner?: number): StorageError {
  const by = owner === undefined ? "another process" : owner === process.pid ? "this process" : `process ${owner}`;
  return new StorageError(
    "locked",
    `the data directory ${directory} is in use by ${by}; stop it or give another directory`,
    owner === undefined || owner === process.pid ? {} : { ownerPid: owner },
  );
}

/** The process that has the database open beside this handle. */
function ownerOf(database: RootDatabase<Buffer, Uint8Array>): number | undefined {
  if (!(database as unknown as LockingDatabase).tryLock(Buffer.from("owner"))) return process.pid;
  // Being listed first and looking second, of two processes at least one sees the other.
  database.useReadTransaction().done();
  database.readerCheck();
  // Lines of "pid thread transaction" below a heading.
  const readers = database.readerList().matchAll(/^ *(\d+) /gm);
  return readers.map(([, pid]) => Number(pid)).find((pid) => pid !== process.pid);
}
