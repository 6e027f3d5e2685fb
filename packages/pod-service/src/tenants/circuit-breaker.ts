import type { Clock } from "@podwright/client";

export interface CircuitBreakerOptions {
  clock: Clock;
  /** Failures in a row that open it. Default 5. */
  threshold?: number;
  /** How long it stays open at first; doubles with each probe that fails. Default 1 s. */
  openMs?: number;
  /** Default 30 s. */
  maxOpenMs?: number;
}

/** Keeps callers from waiting for what fails anyhow: closed; open, nobody passes; then one at a time to see. */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #threshold: number;
  readonly #openMs: number;
  readonly #maxOpenMs: number;
  #failures = 0;
  #openUntil = 0;
  #lastOpenMs = 0;
  #probing = false;

  constructor(options: CircuitBreakerOptions) {
    this.#clock = options.clock;
    this.#threshold = options.threshold ?? 5;
    this.#openMs = options.openMs ?? 1_000;
    this.#maxOpenMs = options.maxOpenMs ?? 30_000;
  }

  get isOpen(): boolean {
    return this.#failures >= this.#threshold;
  }

  /** How long until a call may be tried: 0 when it may now. Whoever is told 0 must tell how it went. */
  enter(): number {
    if (!this.isOpen) return 0;
    const waitMs = this.#openUntil - this.#clock.now();
    if (waitMs > 0) return waitMs;
    if (this.#probing) return this.#lastOpenMs;
    this.#probing = true;
    return 0;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#lastOpenMs = 0;
    this.#probing = false;
  }

  failed(): void {
    this.#failures++;
    this.#probing = false;
    if (this.#failures < this.#threshold) return;
    this.#lastOpenMs = Math.min(this.#maxOpenMs, this.#lastOpenMs === 0 ? this.#openMs : this.#lastOpenMs * 2);
    this.#openUntil = this.#clock.now() + this.#lastOpenMs;
  }
}
