import type { Clock, Timer } from "@podwright/client";

export interface SyncLoopOptions {
  sync(): Promise<void>;
  onError(error: unknown): void;
  clock: Clock;
  /** Between two runs; what comes meanwhile is done together. */
  intervalMs: number;
  /** After a failure; doubled with each, up to 30 times as long. */
  retryMs: number;
}

/** Runs one job whenever asked, never twice at once, and not more often than the interval. */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  #asked = false;
  #running: Promise<void> | undefined;
  #timer: Timer | undefined;
  #notBefore = 0;
  #failures = 0;
  #stopped = false;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
  }

  /** Something changed. */
  request(): void {
    this.#asked = true;
    if (this.#stopped || this.#running !== undefined || this.#timer !== undefined) return;
    const { clock } = this.#options;
    // At least one turn of the event loop, so that changes which come together are done together.
    this.#timer = clock.after(Math.max(0, this.#notBefore - clock.now()), () => {
      this.#timer = undefined;
      this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    const { sync, onError, clock, intervalMs, retryMs } = this.#options;
    this.#asked = false;
    try {
      await sync();
      this.#failures = 0;
      this.#notBefore = clock.now() + intervalMs;
    } catch (error) {
      onError(error);
      this.#failures++;
      this.#notBefore = clock.now() + retryMs * Math.min(2 ** (this.#failures - 1), 30);
      this.#asked = true;
    }
    this.#running = undefined;
    if (this.#asked) this.request();
  }

  /** Resolves when the run under way is done; there are no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }
}
