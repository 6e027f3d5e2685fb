import type { Clock, Timer } from "@podwright/client";

/** A clock that stands still until it is moved: for tests, where back-offs of minutes pass in a moment. */
export class ManualClock implements Clock {
  #nowMs: number;
  #timers: { at: number; fire: () => void }[] = [];

  constructor(nowMs: number = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fire: () => void): Timer {
    const timer = { at: this.#nowMs + Math.max(delayMs, 0), fire };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Moves the hands, firing what comes due in the order of its time. */
  advance(milliseconds: number): void {
    const end = this.#nowMs + milliseconds;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#nowMs = Math.max(this.#nowMs, due.at);
      due.fire();
    }
    this.#nowMs = end;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length;
  }
}
