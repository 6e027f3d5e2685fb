import type { Clock, Timer } from "@podwright/client";

const firstRetryMs = 500;
const longestRetryMs = 122_000;

/** One timer per name: setting it again moves it. */
export class NamedTimers {
  readonly #clock: Clock;
  readonly #timers = new Map<string, Timer>();
  readonly #retries = new Map<string, number>();
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    return this.#timers.has(name);
  }

  set(name: string, delayMs: number, fire: () => void): void {
    this.cancel(name);
    if (this.#closed) return;
    const timer = this.#clock.after(Math.max(delayMs, 0), () => {
      this.#timers.delete(name);
      fire();
    });
    this.#timers.set(name, timer);
  }

  /** Fires after half a second, and after twice as long each time, two minutes at most. */
  retry(name: string, fire: () => void): void {
    const times = this.#retries.get(name) ?? 0;
    this.#retries.set(name, times + 1);
    this.set(name, Math.min(firstRetryMs * 2 ** times, longestRetryMs), fire);
  }

  /** It went well: the next retry comes soon again. */
  forgetRetries(name: string): void {
    this.#retries.delete(name);
  }

  cancel(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  cancelAll(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  /** Cancels all; none is set any more. */
  close(): void {
    this.#closed = true;
    this.cancelAll();
  }
}
