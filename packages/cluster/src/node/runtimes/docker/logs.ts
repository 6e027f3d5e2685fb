import { containerLogs, type DockerClient, type Frame, frames, isNotFound } from "@podwright/docker";
import type { LogLine, LogOptions } from "../../runtime.ts";
import { GivenLines } from "./given-lines.ts";

/** The last line of one stream may be older than that of the other, and come later. */
const overlapMs = 100;

/**
 * What a container has written, as the daemon's log has it: lines, of which those longer than 16 KiB come in
 * pieces. Reads on as it is read. Ends when the log does, with `follow` when the container has ended.
 */
export async function* dockerLog(
  docker: DockerClient,
  id: string,
  tty: boolean,
  options: LogOptions,
): AsyncGenerator<LogLine> {
  const { follow, signal } = options;
  if (signal.aborted) return;
  const beganMs = Date.now();
  try {
    if (!follow) {
      yield* readLog(docker, id, tty, options);
      return;
    }
    const given = new GivenLines();
    let last: LogLine | undefined;
    for await (const line of readLog(docker, id, tty, options)) {
      last = line;
      if (given.isNew(line)) yield line;
    }
    if (signal.aborted) return;
    // A daemon may stop following at the container's end without what was written last.
    const sinceMs = last ? last.timeMs - overlapMs : options.tailLines === undefined ? options.sinceMs : beganMs;
    const isKnown = given.afterwards();
    for await (const line of readLog(docker, id, tty, { ...options, follow: false, tailLines: undefined, sinceMs })) {
      if (!isKnown(line)) yield line;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (isNotFound(error)) throw new Error(`unable to retrieve container logs for docker://${id}`, { cause: error });
    throw error;
  }
}

async function* readLog(
  docker: DockerClient,
  id: string,
  tty: boolean,
  { follow, tailLines, sinceMs, stream, signal }: LogOptions,
): AsyncGenerator<LogLine> {
  const answer = await containerLogs(docker, id, {
    follow,
    stdout: stream !== "stderr",
    stderr: stream !== "stdout",
    signal,
    ...(tailLines === undefined ? {} : { tail: tailLines }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
  });
  // With a terminal there are no frames.
  const messages = tty ? terminalLines(answer as AsyncIterable<Buffer>) : frames(answer as AsyncIterable<Buffer>);
  for await (const message of messages) yield logLine(message);
}

/** "2026-01-01T00:00:00.000000000Z text": the time ends at the first blank. */
function logLine({ stream, data }: Frame): LogLine {
  const blank = data.indexOf(0x20);
  const time = data.toString("latin1", 0, blank);
  return { timeMs: Date.parse(time), time, stream, text: data.subarray(blank + 1) };
}

const longestLine = 1 << 20;

async function* terminalLines(source: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a, from)) {
      yield { stream: "stdout", data: rest.subarray(from, end + 1) };
      from = end + 1;
    }
    rest = rest.subarray(from);
    if (rest.length > longestLine) throw new Error("a line of the container's log is longer than 1 MiB");
  }
  if (rest.length > 0) yield { stream: "stdout", data: rest };
}
