import { PassThrough, type Readable } from "node:stream";
import { finished } from "node:stream/promises";

/** What a process wrote, as one frame of docker's multiplexed streams. */
export interface Frame {
  stream: "stdout" | "stderr";
  data: Buffer;
}

/** Frames are what the daemon wrote at once: 16 to 32 KiB. One of more is no frame. */
const longestFrame = 16 << 20;

/**
 * Takes docker's multiplexed stream apart: 8 bytes (1 stdout, 2 stderr, three zeros, the length big-endian), then
 * so many bytes. Whole frames, in order; reads on when the last one was taken. Throws at what is no such stream.
 */
export async function* frames(source: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let rest: Buffer[] = [];
  let size = 0;
  let wanted = 8;
  let stream: Frame["stream"] | undefined;
  for await (const chunk of source) {
    rest.push(chunk);
    size += chunk.length;
    if (size < wanted) continue;
    let whole = rest.length === 1 ? chunk : Buffer.concat(rest);
    while (whole.length >= wanted) {
      const taken = whole.subarray(0, wanted);
      whole = whole.subarray(wanted);
      if (stream === undefined) {
        stream = taken[0] === 2 ? "stderr" : "stdout";
        wanted = taken.readUInt32BE(4);
        if ((taken[0] ?? 0) > 2 || wanted > longestFrame) throw new Error("not a multiplexed stream of docker");
      } else {
        yield { stream, data: taken };
        stream = undefined;
        wanted = 8;
      }
    }
    rest = [whole];
    size = whole.length;
  }
}

/** The two streams of a multiplexed one. Both must be read: the slower one holds back the other. */
export function splitFrames(source: Readable): { stdout: Readable; stderr: Readable } {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const both = [streams.stdout, streams.stderr];
  void (async () => {
    try {
      for await (const { stream, data } of frames(source)) {
        const target = streams[stream];
        if (target.destroyed || target.write(data)) continue;
        await drained(target);
      }
      for (const target of both) target.end();
    } catch (error) {
      for (const target of both) target.destroy(error as Error);
    }
  })();
  // When nobody reads any more the daemon is left.
  void Promise.allSettled(both.map((target) => finished(target))).then(() => source.destroy());
  return streams;
}

/** Resolves when there is room for more, or nobody to read it. */
function drained(target: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      target.off("drain", done).off("close", done);
      resolve();
    };
    target.once("drain", done).once("close", done);
  });
}
