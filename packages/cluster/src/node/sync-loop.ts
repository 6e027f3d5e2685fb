export interface SyncLoopOptions {
  /**
   * One pass. What it throws goes to {@link SyncLoopOptions.failed}, and nothing more happens until the next poke. When
   * it was cut off by {@link SyncLoop.close} nobody is told.
   */
  sync(): Promise<void>;
  /** There is nothing left to do, ever. */
  isOver(): boolean;
  /** A pass is through, well or not. */
  synced(): void;
  failed(error: unknown): void;
}

/** Passes one after the other, as long as something has happened since the last one began. */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  #dirty = false;
  #closed = false;
  #running: Promise<void> | undefined;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
  }

  /** Something happened. */
  poke(): void {
    this.#dirty = true;
    if (this.#running !== undefined) return;
    // What happens at once in a pass may call this again.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running = promise;
    void this.#run().finally(() => {
      this.#running = undefined;
      resolve();
      if (this.#hasMore()) this.poke();
    });
  }

  /** No pass begins any more. Resolves when the one that is under way is through. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  #hasMore(): boolean {
    return this.#dirty && !this.#closed && !this.#options.isOver();
  }

  async #run(): Promise<void> {
    while (this.#hasMore()) {
      this.#dirty = false;
      try {
        await this.#options.sync();
      } catch (error) {
        if (!this.#closed) this.#options.failed(error);
      }
      if (!this.#closed) this.#options.synced();
    }
  }
}
