/** Commands in simulated containers: what the simulated runtime's shell can do, and nothing else. */
import { PassThrough, type Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { type Clock, sleep } from "@podwright/client";
import type { ExecSession, ExecSessionOptions } from "@podwright/streaming";
import type { ExecResult } from "../../runtime.ts";
import { commandOutcome } from "./command.ts";

/** Runs a command with streams. A shell without a script takes its input, whole, as one. */
export function execSession(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  options: ExecSessionOptions,
  clock: Clock,
): ExecSession {
  const streams = sessionStreams(options);
  const leaving = new AbortController();
  const run = async (): Promise<{ exitCode: number }> => {
    const isShell = /^(.*\/)?(sh|bash|ash)$/.test(command[0] ?? "") && command.length === 1;
    const script = isShell && streams.input !== undefined ? await text(streams.input) : undefined;
    const outcome = commandOutcome(script === undefined ? command : ["sh", "-c", script], env);
    let { exitCode } = outcome;
    const startedAtMs = clock.now();
    for (const { atMs, stream, text: written } of outcome.output) {
      await sleep(clock, startedAtMs + atMs - clock.now(), leaving.signal);
      streams.write(stream, written);
    }
    if (Number.isFinite(outcome.durationMs)) {
      await sleep(clock, startedAtMs + outcome.durationMs - clock.now(), leaving.signal);
    } else {
      streams.write("stderr", `simulated containers run no programs: ${command[0]}\n`);
      exitCode = 127;
    }
    streams.end();
    return { exitCode };
  };
  const exit = run();
  exit.catch(() => undefined);
  return {
    ...streams.session,
    exit,
    close: () => {
      leaving.abort();
      streams.end();
    },
  };
}

/** The streams of a container's main process, which says nothing any more. */
export function attachSession(ended: Promise<number>, options: ExecSessionOptions): ExecSession {
  const streams = sessionStreams(options);
  const left = Promise.withResolvers<void>();
  streams.input?.resume();
  const exit = Promise.race([ended, left.promise]).then(() => {
    streams.end();
    return { exitCode: 0 };
  });
  return { ...streams.session, exit, close: left.resolve };
}

/** Runs a command to its end. What is no command of the shell is taken to succeed. */
export async function execResult(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
  clock: Clock,
): Promise<ExecResult> {
  const { durationMs, exitCode, output } = commandOutcome(command, env);
  const written = output.map((each) => each.text).join("");
  if (!Number.isFinite(durationMs)) return { exitCode: 0, output: written, timedOut: false };
  const timedOut = durationMs > timeoutMs;
  await sleep(clock, Math.min(durationMs, timeoutMs));
  return { exitCode: timedOut ? 137 : exitCode, output: written, timedOut };
}

interface SessionStreams {
  session: Pick<ExecSession, "stdin" | "stdout" | "stderr" | "resize">;
  input: PassThrough | undefined;
  write(stream: "stdout" | "stderr", text: string): void;
  end(): void;
}

function sessionStreams(options: ExecSessionOptions): SessionStreams {
  const input = options.stdin ? new PassThrough() : undefined;
  const stdout = options.stdout ? new PassThrough() : undefined;
  const stderr = options.stderr && !options.tty ? new PassThrough() : undefined;
  return {
    session: { stdin: input as Writable | undefined, stdout, stderr, resize: () => undefined },
    input,
    write(stream, written) {
      const to = stream === "stdout" || options.tty ? stdout : stderr;
      to?.write(written);
    },
    end() {
      for (const stream of [stdout, stderr]) stream?.end();
    },
  };
}
