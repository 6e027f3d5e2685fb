/** Time as an argument, so that a test can run hours in a moment. The shape is that of the client's Clock. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `fire` once after `delayMs`. With `background` the timer does not keep the process alive. */
  after(delayMs: number, fire: () => void, options?: { background?: boolean }): Timer;
}

export interface Timer {
  cancel(): void;
}

// Above this Node fires at once instead of waiting (2^31 - 1).
const longestTimerMs = 0x7fffffff;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, fire, options) {
    const timer = setTimeout(fire, Math.min(Math.max(delayMs, 0), longestTimerMs));
    if (options?.background) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
