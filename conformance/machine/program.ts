import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The file of the `podwright` command. */
export const podwrightFile = fileURLToPath(new URL("../../packages/cli/bin/main.mjs", import.meta.url));

/** A program of Node.js that says by its first line that it is ready. */
export interface Program {
  pid: number;
  firstLine: string;
  /** Resolves when it has ended, at once when it had already. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts it, with flags and file as node takes them; resolves with its first line. Rejects when it ends without one. */
export async function startProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Program> {
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const firstLine = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("error", reject);
    void exited.then((code) => reject(new Error(`node ${args.join(" ")} ended with ${code}`)));
  });
  return {
    pid: child.pid as number,
    firstLine,
    async end(signal) {
      child.kill(signal);
      await exited;
    },
  };
}
