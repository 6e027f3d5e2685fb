import type { Clock, Timer } from "@podwright/clock";
import type { Storage } from "./storage.ts";

export interface CompactorOptions {
  storage: Storage;
  clock: Clock;
  /** How long changes stay readable, at least; at most twice as long. */
  intervalMs: number;
  /** Told of a compaction that failed; the next one tries again. */
  onError: (error: unknown) => void;
}

/**
 * Compacts a storage to where it was an interval before, as upstream's API server does
 * (k8s.io/apiserver/pkg/storage/etcd3/compact.go). Nothing is written when nothing has changed.
 */
export class Compactor {
  readonly #options: CompactorOptions;
  #timer: Timer | undefined;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= this.#next(this.#options.storage.revision);
  }

  /** To be called before the storage is closed. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #next(revision: number): Timer {
    const { storage, clock, intervalMs, onError } = this.#options;
    const fire = () => {
      this.#timer = this.#next(storage.revision);
      storage.compact(revision).catch(onError);
    };
    return clock.after(intervalMs, fire, { background: true });
  }
}
