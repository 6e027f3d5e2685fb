/**
 * How the service network changes the machine's own network: by the machine's own programs (iptables, ip,
 * conntrack), as kube-proxy does. Who may run them differs, so it is an argument.
 */
import { spawn } from "node:child_process";

export interface HostCommands {
  /**
   * Runs a program of the machine in its network, as root. `input` is what it reads. Rejects with a
   * {@link HostCommandError} when it cannot be run, fails or takes longer than half a minute.
   */
  run(command: readonly string[], input?: string): Promise<{ stdout: string }>;
  close?(): Promise<void>;
}

export class HostCommandError extends Error {
  override name = "HostCommandError";
  /** 127: there is no such program. */
  readonly exitCode: number;
  constructor(command: readonly string[], exitCode: number, detail: string) {
    super(`${command.join(" ")}: ${detail.trim() || `exit code ${exitCode}`}`);
    this.exitCode = exitCode;
  }
}

const limitMs = 30_000;
const keptBytes = 32 * 1024 * 1024;

/**
 * Commands as children of this process, which is root's. `prefix` goes before each, e.g. to enter another network
 * namespace.
 */
export function childProcessCommands(prefix: readonly string[] = []): HostCommands {
  return {
    run: (command, input = "") =>
      new Promise((resolve, reject) => {
        const [program = "", ...args] = [...prefix, ...command];
        const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`;
        const child = spawn(program, args, { stdio: "pipe", timeout: limitMs, env: { PATH: path, LC_ALL: "C" } });
        const out: Buffer[] = [];
        let bytes = 0;
        let errors = "";
        child.stdout.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > keptBytes) child.kill("SIGKILL");
          else out.push(chunk);
        });
        child.stderr.on("data", (chunk: Buffer) => {
          if (errors.length < 4096) errors += chunk.toString();
        });
        // A program that ends before it has read everything says by its exit code what was wrong.
        child.stdin.on("error", () => {});
        child.on("error", (error: NodeJS.ErrnoException) =>
          reject(new HostCommandError(command, error.code === "ENOENT" ? 127 : 126, error.message)),
        );
        child.on("close", (code, signal) => {
          if (code === 0) resolve({ stdout: Buffer.concat(out).toString() });
          else reject(new HostCommandError(command, code ?? 128, errors || `ended by ${signal}`));
        });
        child.stdin.end(input);
      }),
  };
}
