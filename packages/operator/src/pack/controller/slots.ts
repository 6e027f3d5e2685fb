import type { Clock } from "@podwright/client";

/** A helm that has run for so long is waiting for the cluster, and lets another one begin. */
const busyMs = 5_000;

/** Lets so many helm processes work at once; those that merely wait for workloads do not count. */
export class Slots {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number, clock: Clock) {
    this.#free = count;
    this.#clock = clock;
  }

  /** Runs the work when its turn has come. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next !== undefined) next();
      else this.#free++;
    };
    const timer = this.#clock.after(busyMs, release, { background: true });
    try {
      return await work();
    } finally {
      timer.cancel();
      release();
    }
  }
}
