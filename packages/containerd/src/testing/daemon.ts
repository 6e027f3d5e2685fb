import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** A program that a test has started, and that it stops again. */
export interface Daemon {
  pid: number;
  /** Ends it politely, after thirty seconds by force; resolves when it is gone. */
  stop(): Promise<void>;
  /** Ends it as kill -9 does. */
  kill(): Promise<void>;
}

/**
 * Starts a program with its output in a file. Resolves when `ready` does so without an error, which is asked again and
 * again: these programs have no other way to tell. Throws with the end of its log when it ends or takes 30 seconds.
 */
export async function startDaemon(options: {
  command: string;
  args: string[];
  folder: string;
  log: string;
  env?: NodeJS.ProcessEnv;
  ready(): Promise<unknown>;
}): Promise<Daemon> {
  const log = createWriteStream(options.log);
  const child = spawn(options.command, options.args, {
    cwd: options.folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = error;
  });
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (failure !== undefined) throw failure;
    try {
      await options.ready();
      return { pid: child.pid as number, stop: () => end(child, "SIGTERM"), kill: () => end(child, "SIGKILL") };
    } catch (error) {
      const gone = child.exitCode !== null || child.signalCode !== null;
      if (gone || Date.now() > deadline) {
        await end(child, "SIGKILL");
        const tail = (await readFile(options.log, "utf8")).split("\n").slice(-15).join("\n");
        throw new Error(`${options.command} did not get ready (${(error as Error).message}):\n${tail}`);
      }
      await sleep(100);
    }
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
  await ended;
  clearTimeout(timer);
}
