import type { Version } from "./version-index.ts";

/** Holds values in memory beside the index, up to a number of bytes; those that come when it is full are read again. */
export class HotValues {
  readonly #limitBytes: number;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Holds the value when there is room. */
  offer(version: Version, value: Buffer): void {
    if (this.#bytes + value.length > this.#limitBytes) {
      version.value = undefined;
      return;
    }
    version.value = value;
    this.#bytes += value.length;
  }

  /** Lets go of a value that was offered. */
  forget(version: Version): void {
    if (version.value === undefined) return;
    this.#bytes -= version.value.length;
    version.value = undefined;
  }
}
