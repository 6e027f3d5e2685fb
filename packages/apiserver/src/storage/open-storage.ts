import { MemoryLog } from "./memory-log.ts";
import { MvccStorage } from "./mvcc-storage.ts";
import type { Storage } from "./storage.ts";

export type StorageOptions =
  /** Kept as long as the process lives. */
  | { type: "memory" }
  /** Kept in a directory, which is made when it is not there; `hotBytes` of values are held in memory too (64 MiB). */
  | { type: "lmdb"; path: string; hotBytes?: number };

const defaultHotBytes = 64 * 1024 * 1024;

/** Opens a store. Throws StorageError "locked", "unwritable", "corrupt", "full" or "failed". */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  if (options.type === "memory") return new MvccStorage(new MemoryLog(), { hotBytes: 0 });
  // The native library is loaded by those alone who use it.
  const { LmdbLog } = await import("./lmdb-log.ts");
  const log = await LmdbLog.open(options.path);
  try {
    return new MvccStorage(log, { hotBytes: options.hotBytes ?? defaultHotBytes });
  } catch (error) {
    await log.close();
    throw error;
  }
}
