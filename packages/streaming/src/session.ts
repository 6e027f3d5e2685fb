import type { Readable, Writable } from "node:stream";

/** A command, or a container's main process, with its streams. What one side of exec and attach is to the other. */
export interface ExecSession {
  /** Ending it half-closes the process's input. Undefined when no input was asked for. */
  stdin: Writable | undefined;
  /** Undefined when not asked for. With a terminal all output is here. */
  stdout: Readable | undefined;
  stderr: Readable | undefined;
  /** Sets the terminal's size, in characters. Does nothing without a terminal. */
  resize(size: { width: number; height: number }): void;
  /**
   * How it ended, after all output was read. Of attach: the exit code is 0 whatever the process's was. Rejects when
   * that cannot be known: the container or the runtime went away.
   */
  readonly exit: Promise<{ exitCode: number }>;
  /** Leaves it: streams end. An exec's process may live on, as upstream's does. */
  close(): void;
}

export interface ExecSessionOptions {
  stdin: boolean;
  stdout: boolean;
  /** Never together with tty. */
  stderr: boolean;
  tty: boolean;
}
