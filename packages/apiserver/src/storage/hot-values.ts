import type { Version } from "./version-index.ts";

/** Holds values in memory beside the index, up to a number of bytes; the one held longest makes room for the next. */
export class HotValues {
  readonly #limitBytes: number;
  #bytes = 0;
  #count = 0;
  /** In the order they came; those forgotten since are still in it. */
  #queue: Version[] = [];
  #oldest = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Holds the value of a version that has none yet. */
  hold(version: Version, value: Buffer): void {
    if (value.length > this.#limitBytes) return;
    version.value = value;
    this.#bytes += value.length;
    this.#count++;
    this.#queue.push(version);
    while (this.#bytes > this.#limitBytes) this.forget(this.#queue[this.#oldest++]!);
    if (this.#queue.length > 2 * this.#count + 1000) {
      this.#queue = this.#queue.slice(this.#oldest).filter(({ value }) => value !== undefined);
      this.#oldest = 0;
    }
  }

  /** Lets go of a value, if it is held. */
  forget(version: Version): void {
    if (version.value === undefined) return;
    this.#bytes -= version.value.length;
    this.#count--;
    version.value = undefined;
  }
}
