import type { Clock, Timer } from "./clock.ts";

/** A clock that stands still until it is moved: for tests, where back-offs of minutes pass in a moment. */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #timers = new Set<{ dueAt: number; fire: () => void }>();

  constructor(nowMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
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
    for (let next = this.#next(); next !== undefined && next.dueAt <= end; next = this.#next()) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueAt);
      next.fire();
    }
    this.#nowMs = end;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** How long until the next timer fires; undefined when none waits. */
  get nextInMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.dueAt - this.#nowMs;
  }

  #next(): { dueAt: number; fire: () => void } | undefined {
    let first: { dueAt: number; fire: () => void } | undefined;
    for (const timer of this.#timers) if (first === undefined || timer.dueAt < first.dueAt) first = timer;
    return first;
  }
}
