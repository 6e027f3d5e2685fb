/**
 * Time as an argument: everything here that waits takes a Clock, so that a test can run hours in a moment.
 */
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

/** Resolves after `delayMs`, or as soon as the signal aborts; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
