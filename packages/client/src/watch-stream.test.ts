import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WatchEvent } from "./transport.ts";
import { watchStream } from "./watch-stream.ts";

let pieces: Uint8Array[] = [];
const server = http.createServer(async (_request, response) => {
  response.writeHead(200);
  (response.socket as Socket).setNoDelay(true);
  for (const piece of pieces) {
    response.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => server.close());

async function read(sent: Uint8Array[], maxLineBytes?: number): Promise<WatchEvent[]> {
  pieces = sent;
  const body = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ port: (server.address() as AddressInfo).port, agent: false }, resolve).on("error", reject);
  });
  const events: WatchEvent[] = [];
  for await (const event of watchStream("GET", "/watch", body, undefined, maxLineBytes)) events.push(event);
  return events;
}

test("events are the same however the bytes are cut", async () => {
  const object = fc.record({ metadata: fc.record({ name: fc.string({ unit: "binary" }) }) });
  const event = fc.record({ type: fc.constantFrom("ADDED", "MODIFIED", "DELETED"), object });
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 8 }), async (sent, cuts) => {
      const bytes = Buffer.from(sent.map((event) => `${JSON.stringify(event)}\n`).join(""));
      const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
      const cut = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      expect(await read(cut.filter((piece) => piece.length > 0))).toEqual(sent);
    }),
    { numRuns: 50 },
  );
});

test("a line longer than allowed is refused, whether or not it ends", async () => {
  const long = Buffer.from(`{"type":"ADDED","object":{"a":"${"x".repeat(200)}"}}`);
  const problem = { code: "EBADBODY", message: "GET /watch: a watch event is longer than 100 bytes" };
  await expect(read([long, Buffer.from("\n")], 100)).rejects.toMatchObject(problem);
  await expect(read([long], 100)).rejects.toMatchObject(problem);
});

test("empty lines are skipped, and an end within a line is an error", async () => {
  expect(await read([Buffer.from("\n\r\n")])).toEqual([]);
  await expect(read([Buffer.from('{"type":"ADDED"')])).rejects.toMatchObject({
    message: "GET /watch: the watch ended in the middle of an event",
  });
});
