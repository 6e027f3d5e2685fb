import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { protobufEvents, UnreadableEvent } from "./protobuf-watch.ts";
import { sentByUpstream } from "./testing/upstream-watch.ts";
import type { WatchEvent } from "./transport.ts";

const { bytes, events } = sentByUpstream;
const firstEnd = 4 + bytes.readUInt32BE(0);

async function* body(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* pieces;
}

async function read(pieces: Iterable<Uint8Array>, options?: Parameters<typeof protobufEvents>[4]) {
  const read: WatchEvent[] = [];
  for await (const event of protobufEvents("GET", "/watch", body(pieces), undefined, options)) read.push(event);
  return read;
}

describe("a protobuf watch", () => {
  test("gives the events of a JSON watch, however its bytes are cut", async () => {
    expect(await read([bytes])).toEqual(events);
    const twice = Buffer.concat([bytes, bytes]);
    expect(await read(Array.from(twice, (byte) => Uint8Array.of(byte)))).toEqual([...events, ...events]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(twice.length), { maxLength: 12 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), twice.length];
        expect(await read(at.slice(1).map((end, i) => twice.subarray(at[i], end)))).toEqual([...events, ...events]);
      }),
      { numRuns: 100 },
    );
  });

  test("leaves managedFields out when nobody wants them", async () => {
    const [added] = await read([bytes], { managedFields: false });
    const { managedFields: _dropped, ...metadata } = events[0]!.object.metadata;
    expect(added).toEqual({ type: "ADDED", object: { ...events[0]!.object, metadata } });
  });

  test("that ends within an event, or has one too long, gives those before it and an error", async () => {
    const before: WatchEvent[] = [];
    const take = async (sent: Uint8Array[], maxFrameBytes = 1000) => {
      before.length = 0;
      const options = { maxFrameBytes };
      for await (const event of protobufEvents("GET", "/watch", body(sent), undefined, options)) before.push(event);
    };
    for (const end of [firstEnd + 1, firstEnd + 4, bytes.length - 1]) {
      await expect(take([bytes.subarray(0, end)])).rejects.toMatchObject({
        code: "EBADBODY",
        message: "GET /watch: the watch ended in the middle of an event",
      });
      expect(before).toEqual(events.slice(0, 1));
    }
    // Its length alone is enough: nothing is waited for, nothing kept.
    await expect(take([bytes.subarray(0, firstEnd), Buffer.from("ffffffff", "hex")])).rejects.toMatchObject({
      code: "EBADBODY",
      message: "GET /watch: a watch event is longer than 1000 bytes",
    });
    expect(before).toEqual(events.slice(0, 1));
  });

  test("with an event that cannot be read says so", async () => {
    const garbage = Buffer.from("00000004deadbeef00000000", "hex");
    await expect(read([garbage])).rejects.toThrow(UnreadableEvent);
    await expect(read([Buffer.alloc(4)])).rejects.toThrow(
      "GET /watch: a watch event is no protobuf of a known type: not a watch event",
    );
    const otherKind = Buffer.from(bytes);
    otherKind.write("ConfigMop", otherKind.indexOf("ConfigMap"));
    await expect(read([otherKind])).rejects.toThrow('no kind "ConfigMop" is registered for version "v1"');
  });

  test("ends its body when the reader stops, and fails when the body does", async () => {
    let ended = false;
    async function* endless() {
      try {
        for (;;) yield bytes;
      } finally {
        ended = true;
      }
    }
    for await (const event of protobufEvents("GET", "/watch", endless())) {
      expect(event.type).toBe("ADDED");
      break;
    }
    expect(ended).toBe(true);

    async function* broken() {
      yield bytes;
      throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    }
    const seen: string[] = [];
    const reading = async () => {
      for await (const { type } of protobufEvents("GET", "/watch", broken())) seen.push(type);
    };
    await expect(reading()).rejects.toMatchObject({ name: "TransportError", code: "ECONNRESET" });
    expect(seen).toEqual(["ADDED", "BOOKMARK"]);

    const aborted = AbortSignal.abort(new Error("enough"));
    await expect(protobufEvents("GET", "/watch", broken(), aborted).next()).resolves.toMatchObject({ done: false });
  });

  test("whatever the bytes, the answer is events or a TransportError", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (edits) => {
          const changed = Buffer.from(bytes);
          for (const [offset, byte] of edits) changed[offset] = byte;
          await read([changed]).catch((error: Error) => expect(error).toHaveProperty("code", "EBADBODY"));
        },
      ),
      { numRuns: 500 },
    );
  });
});
