const firstMs = 10_000;
const longestMs = 300_000;

/**
 * How long a container that ends again and again waits before it is started anew: not at all the first time,
 * then 10 s, doubling to 5 min, and from the start again after 10 minutes without an end
 * (k8s.io/client-go/util/flowcontrol/backoff.go as the kubelet uses it).
 */
export class BackOff {
  #currentMs = 0;
  #lastUpdateMs = 0;

  /** The milliseconds still to wait at `nowMs` for a container that ended at `finishedAtMs`; 0 when it may start. */
  remainingMs(finishedAtMs: number, nowMs: number): number {
    if (this.#currentMs === 0 || finishedAtMs - this.#lastUpdateMs > 2 * longestMs) return 0;
    return Math.max(finishedAtMs + this.#currentMs - nowMs, 0);
  }

  /** The length of the wait, as messages have it: "10s". */
  toString(): string {
    return formatDuration(this.#currentMs);
  }

  /** To be called with each start after an end: the next wait is longer. */
  restarted(nowMs: number): void {
    const expired = this.#currentMs === 0 || nowMs - this.#lastUpdateMs > 2 * longestMs;
    this.#currentMs = expired ? firstMs : Math.min(this.#currentMs * 2, longestMs);
    this.#lastUpdateMs = nowMs;
  }

  /** Takes up what an agent before this one had come to, going by the number of restarts. */
  recover(restarts: number, lastEndMs: number): void {
    if (restarts === 0) return;
    this.#currentMs = Math.min(firstMs * 2 ** Math.min(restarts - 1, 10), longestMs);
    this.#lastUpdateMs = lastEndMs;
  }
}

/** "10s", "1m20s", "5m0s": as Go prints durations of whole seconds. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}
