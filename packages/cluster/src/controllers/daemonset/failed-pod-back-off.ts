import type { Clock } from "@podwright/client";

const firstMs = 1_000;
const longestMs = 15 * 60_000;

/** How soon a failed daemon pod is replaced: a node that refuses it would else be asked all the time. */
export class FailedPodBackOff {
  readonly #clock: Clock;
  /** By the DaemonSet's uid and the node's name. */
  readonly #entries = new Map<string, Map<string, { delayMs: number; lastMs: number }>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0, and the next one will have to wait longer; or how long this one still has to wait, in milliseconds. */
  delayMs(setUid: string, nodeName: string): number {
    const now = this.#clock.now();
    let ofSet = this.#entries.get(setUid);
    if (ofSet === undefined) {
      ofSet = new Map();
      this.#entries.set(setUid, ofSet);
    }
    const entry = ofSet.get(nodeName);
    const waitMs = entry === undefined ? 0 : entry.lastMs + entry.delayMs - now;
    if (waitMs > 0) return waitMs;
    const forgotten = entry === undefined || now - entry.lastMs > 2 * longestMs;
    const delayMs = forgotten ? firstMs : Math.min(entry.delayMs * 2, longestMs);
    ofSet.set(nodeName, { delayMs, lastMs: now });
    return 0;
  }

  /** Drops what is remembered of a DaemonSet. */
  forget(setUid: string): void {
    this.#entries.delete(setUid);
  }
}
