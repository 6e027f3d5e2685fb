import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { frames, splitFrames } from "./frames.ts";

const frame = (stream: 1 | 2, content: string): Buffer => {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(content), 4);
  return Buffer.concat([header, Buffer.from(content)]);
};

const stream = Buffer.concat([frame(1, "one\n"), frame(2, "oops\n"), frame(1, ""), frame(1, "two\n")]);

async function read(chunks: Buffer[]): Promise<string[]> {
  const found: string[] = [];
  for await (const each of frames(Readable.from(chunks))) found.push(`${each.stream}: ${each.data}`);
  return found;
}

test("frames come whole, however they were cut", async () => {
  const expected = ["stdout: one\n", "stderr: oops\n", "stdout: ", "stdout: two\n"];
  expect(await read([stream])).toEqual(expected);
  expect(await read([...stream].map((byte) => Buffer.from([byte])))).toEqual(expected);
  for (let at = 1; at < stream.length; at++) {
    expect(await read([stream.subarray(0, at), stream.subarray(at)])).toEqual(expected);
  }
});

test("a frame that breaks off is left out", async () => {
  expect(await read([stream.subarray(0, stream.length - 1)])).toEqual(["stdout: one\n", "stderr: oops\n", "stdout: "]);
});

test("what is no such stream is refused", async () => {
  await expect(read([Buffer.from("HTTP/1.1 200 OK\r\n\r\n")])).rejects.toThrow("not a multiplexed stream");
});

test("both streams, each to its end", async () => {
  const { stdout, stderr } = splitFrames(Readable.from([stream]));
  expect(await Promise.all([text(stdout), text(stderr)])).toEqual(["one\ntwo\n", "oops\n"]);
});

test("who reads slowly a long time has no more listeners than at first", async () => {
  const source = Readable.from(Array.from({ length: 50 }, () => frame(1, "x".repeat(16_384))));
  const { stdout, stderr } = splitFrames(source);
  stderr.resume();
  const atFirst = stdout.listenerCount("close");
  let most = 0;
  for await (const _chunk of stdout) {
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, stdout.listenerCount("close"));
  }
  // One to wait for room, and the reader's own.
  expect(most).toBeLessThanOrEqual(atFirst + 3);
});

test("the source waits for who reads slowly, and is left when nobody reads any more", async () => {
  let made = 0;
  const source = Readable.from(
    (function* () {
      for (;;) {
        made += 1;
        yield frame(1, "x".repeat(16_384));
      }
    })(),
    { objectMode: true, highWaterMark: 1 },
  );
  const { stdout, stderr } = splitFrames(source);
  stderr.resume();
  await new Promise((resolve) => stdout.once("readable", resolve));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(made).toBeLessThan(20);
  stdout.destroy();
  stderr.destroy();
  await new Promise((resolve) => source.once("close", resolve));
});
