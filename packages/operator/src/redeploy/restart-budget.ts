import type { Clock, Timer } from "@podwright/client";

export interface RestartBudgetOptions {
  /** Restarts under way at the same time. */
  limit: number;
  /** One that is not through after so long counts no more: it may never be. */
  holdMs: number;
  clock: Clock;
  /** Tells one that waits that it may try again. */
  onFree: (key: string) => void;
}

/** Lets so many workloads restart at a time; the others wait in the order they came. */
export class RestartBudget {
  readonly #options: RestartBudgetOptions;
  readonly #running = new Map<string, { timer: Timer; generation?: number }>();
  readonly #waiting = new Set<string>();

  constructor(options: RestartBudgetOptions) {
    this.#options = options;
  }

  /** Whether it may restart now; if not, it is told when it may. One that runs already may. */
  take(key: string): boolean {
    const { limit, holdMs, clock } = this.#options;
    if (!this.#running.has(key) && this.#running.size >= limit) {
      this.#waiting.add(key);
      return false;
    }
    this.#waiting.delete(key);
    this.#running.get(key)?.timer.cancel();
    this.#running.set(key, { timer: clock.after(holdMs, () => this.done(key), { background: true }) });
    this.#offer();
    return true;
  }

  /** Its restart was written, and the workload is of this generation now. */
  started(key: string, generation: number): void {
    const running = this.#running.get(key);
    if (running !== undefined) running.generation = generation;
  }

  /** All pods of a workload are as its generation wants them. */
  rolledOut(key: string, generation: number): void {
    const started = this.#running.get(key)?.generation;
    if (started !== undefined && generation >= started) this.done(key);
  }

  /** It does not want to restart, unless it does so already. */
  unneeded(key: string): void {
    if (!this.#running.has(key)) this.done(key);
  }

  /** It has restarted, or will not. */
  done(key: string): void {
    this.#running.get(key)?.timer.cancel();
    const left = this.#running.delete(key);
    if (!this.#waiting.delete(key) && !left) return;
    this.#offer();
  }

  stop(): void {
    for (const { timer } of this.#running.values()) timer.cancel();
    this.#running.clear();
    this.#waiting.clear();
  }

  #offer(): void {
    if (this.#running.size >= this.#options.limit) return;
    for (const next of this.#waiting) {
      // It stays in line until it takes its turn or is done.
      this.#options.onFree(next);
      return;
    }
  }
}
