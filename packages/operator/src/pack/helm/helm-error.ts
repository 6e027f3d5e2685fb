/** Why helm did not do what it was asked. */
export class HelmError extends Error {
  /** "install", "upgrade", … */
  readonly action: string;
  /** It was told to stop: by `signal`, not by its own timeout. */
  readonly aborted: boolean;
  /** Something else killed it: what it began is unfinished. */
  readonly killed: boolean;

  constructor(action: string, message: string, options: { aborted?: boolean; killed?: boolean } = {}) {
    super(message);
    this.name = "HelmError";
    this.action = action;
    this.aborted = options.aborted ?? false;
    this.killed = options.killed ?? false;
  }
}

const messageLimit = 2_000;

/** What helm says in its standard error, without log lines, and short. */
export function helmMessage(stderr: string): string {
  const lines = stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^(time=\S+ )?level=(DEBUG|INFO|WARN)\b/.test(line));
  const at = lines.findLastIndex((line) => line.startsWith("Error: "));
  const text = (at < 0 ? lines.slice(-5) : lines.slice(at)).join("\n").replace(/^Error: /, "");
  const plain = text.replace(/^(INSTALLATION|UPGRADE) FAILED: /, "").trim();
  return plain.length > messageLimit ? `${plain.slice(0, messageLimit)}…` : plain;
}
