import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";
import { SpdyConnection, type SpdyOptions } from "./connection.ts";
import { controlFrame, dataHead, frameType, wordsFrame } from "./frames.ts";
import { HeaderDecoder, HeaderEncoder } from "./headers.ts";
import type { SpdyStream } from "./stream.ts";

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect({ port: (server.address() as { port: number }).port, host: "127.0.0.1", allowHalfOpen: true });
  const [accepted] = (await once(server, "connection")) as [Socket];
  server.close();
  open.push(client, accepted);
  return [client, accepted];
}

async function pair(options: Partial<SpdyOptions>) {
  const [near, far] = await socketPair();
  const client = new SpdyConnection(near, { side: "client" });
  const server = new SpdyConnection(far, { side: "server", onStream: () => true, ...options });
  return { client, server, near, far };
}

/** What the other side says after its settings. */
async function answerOf(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < 32) bytes = Buffer.concat([bytes, (await once(socket, "data"))[0]]);
  return bytes.subarray(20);
}

it("headers survive, one block after another", async () => {
  const encoder = new HeaderEncoder();
  const decoder = new HeaderDecoder();
  for (const headers of [{ streamtype: "error" }, {}, { port: "80", requestid: "1", text: "ä" }]) {
    expect(await decoder.decode(encoder.encode(headers))).toEqual(headers);
  }
  decoder.close();
});

it("reads headers as Go compresses them", async () => {
  const decoder = new HeaderDecoder();
  const first = "78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff";
  const second = "c22ac5565c92925f5a02000000ffff";
  expect(await decoder.decode(Buffer.from(first, "hex"))).toEqual({ streamtype: "error" });
  expect(await decoder.decode(Buffer.from(second, "hex"))).toEqual({ streamtype: "stdout" });
  decoder.close();
});

it("streams end one direction at a time", async () => {
  const streams: SpdyStream[] = [];
  const { client } = await pair({ onStream: (stream) => streams.push(stream) > 0 });
  const near = await client.open({ a: "b" });
  const far = streams[0] as SpdyStream;
  near.end("question");
  expect(await text(far)).toBe("question");
  far.end("answer");
  expect(await text(near)).toBe("answer");
});

it("a refused stream rejects", async () => {
  const { client } = await pair({ onStream: () => false });
  await expect(client.open({})).rejects.toThrow("refused the stream");
});

it("more streams than allowed are refused", async () => {
  const { client } = await pair({ maxStreams: 2 });
  await client.open({});
  await client.open({});
  await expect(client.open({})).rejects.toThrow("refused the stream");
});

it("a reset ends the other side's stream", async () => {
  const streams: SpdyStream[] = [];
  const { client } = await pair({ onStream: (stream) => streams.push(stream) > 0 });
  const near = await client.open({});
  near.write("x");
  await once(streams[0] as SpdyStream, "readable");
  near.destroy();
  expect(await text(streams[0] as SpdyStream)).toBe("x");
});

it("closing lets the peer read what was sent", async () => {
  const streams: SpdyStream[] = [];
  const { client, server } = await pair({ onStream: (stream) => streams.push(stream) > 0 });
  const near = await client.open({});
  streams[0]?.end(Buffer.alloc(50_000));
  await once(streams[0] as SpdyStream, "finish");
  server.close();
  expect((await text(near)).length).toBe(50_000);
  await client.closed;
});

it("waits for the windows of a peer that keeps them", async () => {
  const [near, far] = await socketPair();
  const client = new SpdyConnection(near, { side: "client" });
  let data = 0;
  let answered = false;
  const encoder = new HeaderEncoder();
  far.on("data", (chunk: Buffer) => {
    if (!answered) {
      answered = chunk.length > 20;
      if (!answered) return;
      const settings = Buffer.alloc(12);
      settings.writeUInt32BE(1);
      settings.writeUInt32BE(7, 4);
      settings.writeUInt32BE(1000, 8);
      far.write(controlFrame(frameType.settings, 0, settings));
      far.write(controlFrame(frameType.synReply, 0, Buffer.concat([Buffer.from([0, 0, 0, 1]), encoder.encode({})])));
      return;
    }
    data += chunk.length;
  });
  const stream = await client.open({});
  stream.write(Buffer.alloc(3000));
  while (data < 1008) await once(far, "data");
  expect(data).toBe(1008);
  far.write(wordsFrame(frameType.windowUpdate, 1, 2000));
  while (data < 3016) await once(far, "data");
  expect(data).toBe(3016);
});

it("opens no windows for a server that shows no sign of them: it may close without having read", async () => {
  const [near, far] = await socketPair();
  const client = new SpdyConnection(near, { side: "client" });
  let received = Buffer.alloc(0);
  far.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  const opening = client.open({});
  const reply = Buffer.concat([Buffer.from([0, 0, 0, 1]), new HeaderEncoder().encode({})]);
  far.write(controlFrame(frameType.synReply, 0, reply));
  const stream = await opening;
  const bytes = 500_000;
  for (let sent = 0; sent < bytes; sent += 10_000)
    far.write(Buffer.concat([dataHead(1, 10_000, false), Buffer.alloc(10_000)]));
  far.write(wordsFrame(frameType.ping, 2));
  let taken = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    taken += chunk.length;
    if (taken === bytes) break;
  }
  const answer = wordsFrame(frameType.ping, 2);
  await vi.waitFor(() => expect(received.includes(answer)).toBe(true), { timeout: 20_000 });
  // The kind of a control frame is its second half-word.
  expect(received.includes(Buffer.from([0x80, 3, 0, frameType.windowUpdate]))).toBe(false);
});

it("answers pings and keeps what is no SPDY out", async () => {
  const [near, far] = await socketPair();
  const server = new SpdyConnection(far, { side: "server", onStream: () => true });
  near.write(wordsFrame(frameType.ping, 7));
  expect(await answerOf(near)).toEqual(wordsFrame(frameType.ping, 7));
  near.write(Buffer.from("8002000100000000", "hex"));
  near.resume();
  await server.closed;
});

it("data for streams that are over is dropped", async () => {
  const [near, far] = await socketPair();
  new SpdyConnection(far, { side: "server", onStream: () => true });
  near.write(Buffer.concat([dataHead(9, 3, false), Buffer.from("abc"), wordsFrame(frameType.ping, 1)]));
  expect(await answerOf(near)).toEqual(wordsFrame(frameType.ping, 1));
});

it("whatever bytes come, at worst the connection ends", async () => {
  const frame = fc
    .tuple(fc.constantFrom(1, 2, 3, 4, 6, 7, 8, 9, 77), fc.nat(255), fc.uint8Array({ maxLength: 40 }))
    .map(([kind, flags, payload]) => controlFrame(kind, flags, Buffer.from(payload)));
  const data = fc.tuple(fc.nat(9), fc.uint8Array({ maxLength: 40 })).map(([id, payload]) => {
    return Buffer.concat([dataHead(id, payload.length, id % 2 === 0), Buffer.from(payload)]);
  });
  const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(frame, data, noise), { maxLength: 10 }), async (chunks) => {
      const [near, far] = duplexPair();
      near.on("error", () => {}).resume();
      const server = new SpdyConnection(far, { side: "server", onStream: (stream) => stream.resume() !== undefined });
      for (const chunk of chunks) near.write(chunk);
      near.end();
      await server.closed;
    }),
    { numRuns: 300 },
  );
});
