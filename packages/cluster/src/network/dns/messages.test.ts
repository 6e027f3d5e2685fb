import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { decode, encode, type RecordType } from "dns-packet";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { askResolver, datas, openShop, type Shop } from "./testing/shop.ts";

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.close());

const ask = (name: string, type: RecordType = "A", more: object = {}) => askResolver(shop.resolver, name, type, more);

describe("messages", () => {
  test("too long for a datagram come whole over TCP", async () => {
    const query = encode({
      type: "query",
      id: 9,
      flags: 256,
      questions: [{ name: "many.shop.svc.cluster.local", type: "A" }],
    });
    const short = decode((await shop.resolver.resolve(query, "udp")) as Buffer);
    expect(short.flag_tc).toBe(true);
    expect(short.answers?.length).toBeGreaterThan(20);
    expect(decode((await shop.resolver.resolve(query, "tcp")) as Buffer).answers).toHaveLength(90);
  });

  test("may be longer with EDNS, which is answered with EDNS", async () => {
    const opt = {
      name: ".",
      type: "OPT",
      udpPayloadSize: 4096,
      extendedRcode: 0,
      ednsVersion: 0,
      flags: 0,
      options: [],
    };
    const message = await ask("many.shop.svc.cluster.local", "A", { additionals: [opt] });
    expect(message.answers?.length).toBeGreaterThan(60);
    expect(message.additionals).toMatchObject([{ type: "OPT", udpPayloadSize: 1232 }]);
    const newer = await ask("web.shop.svc.cluster.local", "A", { additionals: [{ ...opt, ednsVersion: 1 }] });
    expect(newer.additionals).toMatchObject([{ type: "OPT", extendedRcode: 1 }]);
  });

  test("that are none are refused, and answers are not answered", async () => {
    const code = async (bytes: Buffer) => ((await shop.resolver.resolve(bytes, "udp"))?.readUInt8(3) ?? 0) & 15;
    expect(await shop.resolver.resolve(Buffer.from([1, 2, 3]), "udp")).toBeUndefined();
    expect(await shop.resolver.resolve(encode({ type: "response", id: 1 }), "udp")).toBeUndefined();
    expect(await code(Buffer.from("00010100000100000000000040", "hex"))).toBe(1);
    expect(await code(encode({ type: "query", id: 1, flags: 4 << 11, questions: [{ name: "a", type: "A" }] }))).toBe(4);
    expect(await code(encode({ type: "query", id: 1, questions: [{ name: "cluster.local", type: "AXFR" }] }))).toBe(5);
    for (let length = 12; length < 40; length++) {
      const noise = Buffer.from(
        Array.from({ length }, (_unused, at) => (at * 37 + length * 11) & (at === 2 ? 0x7f : 0xff)),
      );
      await shop.resolver.resolve(noise, "udp");
    }
  });

  test("come over UDP and, several on one connection, over TCP", async () => {
    const query = (id: number) =>
      encode({ type: "query", id, flags: 256, questions: [{ name: "web.shop.svc.cluster.local", type: "A" }] });
    const udp = createSocket("udp4");
    const answer = new Promise<Buffer>((resolve) => udp.once("message", resolve));
    udp.send(query(5), shop.server.port, "127.0.0.1");
    expect(datas(decode(await answer))).toEqual(["10.96.5.5"]);
    udp.close();
    const framed = [1, 2, 3].map((id) => Buffer.concat([Buffer.from([0, query(id).length]), query(id)]));
    const socket = connect(shop.server.port, "127.0.0.1");
    socket.write(Buffer.concat(framed));
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    await vi.waitFor(() => expect(received.length).toBe(3 * (2 + received.readUInt16BE(0))), 20_000);
    socket.destroy();
  });
});
