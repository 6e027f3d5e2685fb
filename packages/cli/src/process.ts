import { CommandError } from "./error.ts";
import { giveBackWhenIdle } from "./idle-memory.ts";

/**
 * Resolves at Ctrl-C or when the process is told to end; the second time it ends at once. While it lasts, memory is
 * given back when there is nothing to do.
 */
export function untilStopped(): Promise<void> {
  const memory = giveBackWhenIdle();
  return new Promise((resolve) => {
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    const stop = () => {
      // From now on each of them ends the process, as it does without a listener.
      for (const signal of signals) process.off(signal, stop);
      memory.stop();
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

/** Lets the command go on when nobody reads what it prints any more, as in `podwright up | head`. */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
}

/** A port number from the command line. Throws a CommandError that names the flag. */
export function parsePort(flag: string, text: string): number {
  return parseCount(flag, text, 0, 65535);
}

/** A whole number from the command line. Throws a CommandError that names the flag. */
export function parseCount(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new CommandError(`${flag} ${text}: give a whole number from ${min} to ${max}`, 2);
  }
  return value;
}
