/** A failure that the person can do something about: shown as its one line, without a stack. */
export class CommandError extends Error {
  /** 1: it failed. 2: it was called wrongly. */
  readonly exitCode: 1 | 2;
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}
