/** So many pulls at once on a node; others wait in order. */
export class PullSlots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs the pull when it is its turn. Rejects with the signal's reason when that aborts before. */
  async run<T>(signal: AbortSignal, pull: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await pull();
    } finally {
      this.#give();
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const aborted = (): void => {
        this.#waiting.delete(taken);
        reject(signal.reason);
      };
      const taken = (): void => {
        signal.removeEventListener("abort", aborted);
        resolve();
      };
      signal.addEventListener("abort", aborted, { once: true });
      this.#waiting.add(taken);
    });
  }

  #give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
