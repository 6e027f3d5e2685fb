import type { Clock, Timer } from "../clock.ts";

/** A clock that stands still until it is moved: for tests, where minutes pass in a moment. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<{ dueAt: number; fire: () => void }>();

  constructor(nowMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const timer = { dueAt: this.#nowMs + Math.max(delayMs, 0), fire };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Moves the hands, firing what comes due in the order of its time, also what is set on the way. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    while (true) {
      const [next] = [...this.#timers].filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueAt);
      next.fire();
    }
    this.#nowMs = end;
  }
}
