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

  /** The milliseconds still to wait at `nowMs` since {@link restarted} was called last. */
  leftMs(nowMs: number): number {
    return this.remainingMs(this.#lastUpdateMs, nowMs);
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

/** "0s", "3ms", "1.25s", "1m20s", "5m0s": as Go prints durations of whole milliseconds. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`;
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = Math.round(milliseconds - minutes * 60_000) / 1000;
  if (minutes === 0) return `${seconds}s`;
  const hours = Math.floor(minutes / 60);
  return hours > 0 ? `${hours}h${minutes % 60}m${seconds}s` : `${minutes}m${seconds}s`;
}
