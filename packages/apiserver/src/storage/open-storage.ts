import { LmdbLog } from "./lmdb-log.ts";
import { MemoryLog } from "./memory-log.ts";
import { MvccStorage } from "./mvcc-storage.ts";
import type { Storage } from "./storage.ts";

export type StorageOptions =
  /** Kept as long as the process lives. */
  | { type: "memory" }
  /** Kept in a directory, which is made when it is not there; `hotBytes` of values are held in memory too (64 MiB). */
  | { type: "lmdb"; path: string; hotBytes?: number };

const defaultHotBytes = 64 * 1024 * 1024;

/** Opens a store. Throws StorageError "locked", "unwritable" or "corrupt". */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  if (options.type === "memory") return new MvccStorage(new MemoryLog(), { hotBytes: 0 });
  return new MvccStorage(new LmdbLog(options.path), { hotBytes: options.hotBytes ?? defaultHotBytes });
}
