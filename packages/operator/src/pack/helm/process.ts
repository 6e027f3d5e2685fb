import { type ChildProcess, spawn } from "node:child_process";

export interface ProcessOptions {
  env: Record<string, string>;
  cwd: string;
  /** After this the process is asked to end, and killed a while later. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Told of the process id as soon as there is one. */
  started?(pid: number): void;
}

export interface ProcessResult {
  /** Undefined when a signal ended it. */
  code: number | undefined;
  killedBy: string | undefined;
  stdout: string;
  /** The last {@link stderrLimit} characters. */
  stderr: string;
  timedOut: boolean;
}

const stdoutLimit = 128 * 1024 * 1024;
const stderrLimit = 16 * 1024;
/** From asking to killing: helm marks its release as failed in this time. */
const graceMs = 5_000;

/**
 * Runs a program in a process group of its own, without standard input. A timeout or the signal sends SIGTERM to the
 * group, SIGKILL after five seconds. Rejects only when it cannot be started or prints more than 128 MiB.
 */
export function runProcess(program: string, args: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: options.env,
      cwd: options.cwd,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    let size = 0;
    let stderr = "";
    let timedOut = false;
    let tooMuch = false;
    let kill: NodeJS.Timeout | undefined;
    const end = () => {
      if (kill !== undefined) return;
      signalGroup(child, "SIGTERM");
      kill = setTimeout(() => signalGroup(child, "SIGKILL"), graceMs);
    };
    const timer = setTimeout(() => {
      timedOut = true;
      end();
    }, options.timeoutMs);
    const finish = () => {
      clearTimeout(timer);
      clearTimeout(kill);
      options.signal?.removeEventListener("abort", end);
    };

    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= stdoutLimit) stdout.push(chunk);
      else {
        tooMuch = true;
        end();
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-stderrLimit);
    });
    child.on("error", (error) => {
      finish();
      reject(error);
    });
    child.on("close", (code, signal) => {
      finish();
      if (tooMuch) return reject(new Error(`${program} printed more than ${stdoutLimit} bytes`));
      resolve({
        code: code ?? undefined,
        killedBy: signal ?? undefined,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr,
        timedOut,
      });
    });
    if (child.pid !== undefined) options.started?.(child.pid);
    if (options.signal?.aborted) end();
    else options.signal?.addEventListener("abort", end, { once: true });
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended.
  }
}
