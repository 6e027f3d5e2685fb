import type { Clock } from "@podwright/client";

// A burst that does not end is cut off after so many times the quiet that ends one.
const longest = 10;

/** Makes one of what comes in a burst: it is over when nothing has come for a time. */
export class Gathering {
  readonly #quietMs: number;
  readonly #clock: Clock;
  readonly #bursts = new Map<string, { first: number; last: number }>();

  constructor(quietMs: number, clock: Clock) {
    this.#quietMs = quietMs;
    this.#clock = clock;
  }

  /**
   * Something came for a key; `since` when it happened, where that is known. The time it was under way counts, up to
   * half of the quiet: what comes after it may be under way as long.
   */
  add(key: string, since?: number): void {
    const now = this.#clock.now();
    const at = Math.min(now, Math.max(since ?? now, now - this.#quietMs / 2));
    const burst = this.#bursts.get(key);
    if (burst === undefined) this.#bursts.set(key, { first: at, last: at });
    else burst.last = Math.max(burst.last, at);
  }

  /** How long the burst goes on, as far as is known; 0 when it is over or there is none. */
  waitMs(key: string): number {
    const burst = this.#bursts.get(key);
    if (burst === undefined) return 0;
    const end = Math.min(burst.last + this.#quietMs, burst.first + longest * this.#quietMs);
    return Math.max(0, end - this.#clock.now());
  }

  /** What comes from now on is another burst. */
  close(key: string): void {
    this.#bursts.delete(key);
  }
}
