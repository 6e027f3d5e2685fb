import { type Duplex, type Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  attachContainer,
  createExec,
  type DockerClient,
  DockerError,
  inspectExec,
  resizeContainer,
  resizeExec,
  splitFrames,
  startExec,
} from "@podwright/docker";
import type { ExecSession, ExecSessionOptions } from "@podwright/streaming";
import type { ExecResult } from "../../runtime.ts";
import type { DockerEnds } from "./docker-ends.ts";

/** Runs a command in a container, with streams. */
export async function dockerExec(
  docker: DockerClient,
  ends: DockerEnds,
  container: string,
  command: readonly string[],
  options: ExecSessionOptions,
): Promise<ExecSession> {
  const { id, socket } = await begin(docker, ends, container, command, options);
  const streams = openStreams(socket, options);
  const exit = exitCodeOf(docker, ends, id, streams.ended).then((exitCode) => ({ exitCode }));
  exit.catch(() => {});
  return {
    ...streams,
    resize: (size) => {
      // A size that comes too late, or before the process is there, is not worth an error.
      if (options.tty) resizeExec(docker, id, size).catch(() => {});
    },
    exit,
    close: () => socket.destroy(),
  };
}

async function begin(
  docker: DockerClient,
  ends: DockerEnds,
  container: string,
  command: readonly string[],
  { stdin, stdout, stderr, tty }: ExecSessionOptions,
): Promise<{ id: string; socket: Duplex }> {
  let id: string | undefined;
  try {
    id = await createExec(docker, container, {
      Cmd: command,
      AttachStdin: stdin,
      AttachStdout: stdout || tty,
      AttachStderr: stderr || tty,
      Tty: tty,
    });
    ends.trackExec(id);
    return { id, socket: await startExec(docker, id, tty) };
  } catch (error) {
    if (id !== undefined) ends.forgetExec(id);
    throw new Error(`failed to exec in container: ${(error as Error).message}`, { cause: error });
  }
}

/** The streams of a main process. */
export async function dockerAttach(
  docker: DockerClient,
  container: string,
  options: ExecSessionOptions,
): Promise<ExecSession> {
  const { stdin, stdout, stderr, tty } = options;
  const socket = await attachContainer(docker, container, { stdin, stdout, stderr: stderr || tty });
  const streams = openStreams(socket, options);
  const exit = streams.ended.then(() => ({ exitCode: 0 }));
  exit.catch(() => {});
  return {
    ...streams,
    resize: (size) => {
      if (tty) resizeContainer(docker, container, size).catch(() => {});
    },
    exit,
    close: () => socket.destroy(),
  };
}

interface OpenStreams {
  stdin: Writable | undefined;
  stdout: Readable | undefined;
  stderr: Readable | undefined;
  /** All output was read, or nobody wants it any more. Rejects when the connection breaks. */
  ended: Promise<void>;
}

function openStreams(socket: Duplex, { stdin, stdout, stderr, tty }: ExecSessionOptions): OpenStreams {
  socket.on("error", () => {});
  const input = stdin ? inputOf(socket) : undefined;
  if (tty) {
    return { stdin: input, stdout: socket, stderr: undefined, ended: finished(socket, { writable: false }) };
  }
  const split = splitFrames(socket);
  for (const [stream, wanted] of [[split.stdout, stdout] as const, [split.stderr, stderr] as const]) {
    if (!wanted) stream.resume();
  }
  const ended = Promise.all([finished(split.stdout), finished(split.stderr)]).then(() => {});
  return { stdin: input, stdout: stdout ? split.stdout : undefined, stderr: stderr ? split.stderr : undefined, ended };
}

/** A stream of its own: to destroy the input is not to lose the output. What the process no longer reads is dropped. */
function inputOf(socket: Duplex): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      if (socket.writable) socket.write(chunk, () => done());
      else done();
    },
    final(done) {
      if (socket.writable) socket.end();
      done();
    },
  });
}

/**
 * When all output was read. The daemon's event says it, most often by then; the daemon is asked when it has not come, or
 * was lost, and where the streams have ended before the process it is waited for.
 */
async function exitCodeOf(docker: DockerClient, ends: DockerEnds, id: string, output: Promise<void>): Promise<number> {
  try {
    await output;
    const told = ends.execExitCode(id);
    if (told !== undefined) return told;
    const ended = ends.execEnded(id);
    const { Running, ExitCode } = await inspectExec(docker, id);
    return Running ? await ended : (ExitCode ?? 0);
  } finally {
    ends.forgetExec(id);
  }
}

const keptOutput = 10 << 10;

/** Runs a command to its end or to the limit; then it is killed, where this process may. Aborting leaves it to itself. */
export async function dockerExecSync(
  docker: DockerClient,
  ends: DockerEnds,
  container: string,
  command: readonly string[],
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<ExecResult> {
  const options = { stdin: false, stdout: true, stderr: true, tty: false };
  const { id, socket } = await begin(docker, ends, container, command, options);
  const leave = (): void => void socket.destroy();
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  const { stdout, stderr, ended } = openStreams(socket, options);
  const kept: Buffer[] = [];
  let size = 0;
  for (const stream of [stdout, stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      if (size < keptOutput) kept.push(chunk.subarray(0, keptOutput - size));
      size += chunk.length;
    });
  }
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), timeoutMs);
  const exit = exitCodeOf(docker, ends, id, ended);
  try {
    const code = await Promise.race([exit, late.promise]);
    const timedOut = code === "late";
    if (timedOut) void endExec(docker, id);
    return { exitCode: timedOut ? -1 : code, output: Buffer.concat(kept).toString("utf8"), timedOut };
  } catch (error) {
    throw error instanceof DockerError ? error : new DockerError(0, (error as Error).message, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    exit.catch(() => {});
    socket.destroy();
  }
}

/** How often a command that has yet to begin is looked at, and how far apart. */
const looks = { count: 100, everyMs: 100 };

/** Docker has no way to end an exec: its process is ended where it is on this machine and may be, once it is there. */
async function endExec(docker: DockerClient, id: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  try {
    for (let look = 0; look < looks.count; look++) {
      if (look > 0) await sleep(looks.everyMs, undefined, { ref: false });
      const { ExitCode, Pid } = await inspectExec(docker, id);
      if (ExitCode === null && Pid === 0) continue;
      if (ExitCode === null) process.kill(Pid, "SIGKILL");
      return;
    }
  } catch {
    // It has ended meanwhile, or the daemon is gone.
  }
}
