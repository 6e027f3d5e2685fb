import { describe, expect, test } from "vitest";
import { decodeProtobuf } from "../decode/protobuf.ts";
import type { JsonObject } from "../object.ts";
import { nativeTypes } from "../types/table.ts";
import { ProtobufEncoder } from "./protobuf.ts";
import { WireWriter } from "./wire-writer.ts";

const encoder = new ProtobufEncoder(nativeTypes());

function namespace(name: string, rest: JsonObject = {}): JsonObject {
  return { kind: "Namespace", apiVersion: "v1", metadata: { name, ...rest }, spec: {}, status: {} };
}

describe("objects in protobuf", () => {
  test("have their fields by number, those that are no pointers also when they are not set", () => {
    const bytes = encoder.encode(namespace("a"));
    const metadata = "0a01611200" + "1a00" + "2200" + "2a00" + "3200" + "3800" + "4200";
    const raw = `0a11${metadata}1200${"1a020a00"}`;
    expect(bytes.toString("hex")).toBe(
      `6b387300${"0a0f"}${"0a027631"}${"1209"}${Buffer.from("Namespace").toString("hex")}12${"19"}${raw}1a002200`,
    );
  });

  test("come back as they were, whatever their texts, numbers and sizes", () => {
    const annotations = Object.fromEntries(
      ["é", "\u{1f600}", "\uffee", "x".repeat(23), "x".repeat(24), "ü".repeat(5000), "10", "9", ""].map((text) => [
        text,
        text.repeat(3),
      ]),
    );
    for (const generation of [1, 127, 128, 2 ** 31, 2 ** 40, -1, 2n ** 62n]) {
      const object = namespace("n", { generation, annotations });
      expect(decodeProtobuf(encoder.encode(object)).object).toEqual(object);
    }
  });

  test("have maps sorted by the bytes of their keys", () => {
    const text = encoder
      .encode(namespace("n", { labels: { "\u{1f600}": "", "\uffee": "", "9": "", "10": "" } }))
      .toString();
    const keys = ["10", "9", "\uffee", "\u{1f600}"].map((key) => text.indexOf(`${key}\x12`));
    expect(keys).toEqual(keys.toSorted((a, b) => a - b));
  });

  test("of unknown kinds are refused", () => {
    expect(() => encoder.encode({ kind: "Gadget", apiVersion: "example.com/v1" })).toThrow(
      'no kind "Gadget" is registered for version "example.com/v1"',
    );
  });

  test("need no apiVersion where upstream says none", () => {
    const versions = { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] };
    expect(decodeProtobuf(encoder.encode(versions), { apiVersion: "v1" }).object).toMatchObject({ versions: ["v1"] });
  });
});

describe("lists", () => {
  const metadata = { resourceVersion: "7" };
  const type = { kind: "NamespaceList", apiVersion: "v1" };

  test.each([0, 1, 3000])("of %i items are pieces of what the whole list is", async (length) => {
    const item = (index: number) => namespace(`n${index}`, { annotations: { a: "x".repeat(500) } });
    const pieces = await encoder.list({ type, metadata, length, item });
    expect(pieces.length).toBe(length === 3000 ? 4 : 1);
    const items = Array.from({ length }, (_, index) => item(index));
    expect(Buffer.concat(pieces).equals(encoder.encode({ ...type, metadata, items }))).toBe(true);
  });

  test("leave time for other work", async () => {
    const order: string[] = [];
    setImmediate(() => order.push("other work"));
    const item = () => namespace("a", { annotations: { a: "x".repeat(5000) } });
    await encoder.list({ type, metadata, length: 500, item }).then(() => order.push("list"));
    expect(order).toEqual(["other work", "list"]);
  });

  test("of metadata have their fields in v1beta1's order", async () => {
    const partial = { kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1beta1" };
    const items = [{ metadata: { name: "a" } }, { metadata: { name: "b" } }];
    const list = { type: partial, metadata, length: 2, item: (index: number) => items[index] as JsonObject };
    const [bytes] = await encoder.list(list);
    expect(bytes?.equals(encoder.encode({ ...partial, metadata, items }))).toBe(true);
    const text = bytes?.toString() as string;
    expect([text.indexOf("\x01a"), text.indexOf("\x01b"), text.indexOf("\x017")].every((at) => at > 0)).toBe(true);
    expect(text.indexOf("\x01b")).toBeLessThan(text.indexOf("\x017"));
  });
});

test("a watch's frame is its length and a WatchEvent around the object", () => {
  const object = encoder.encode(namespace("a"));
  const frame = encoder.watchFrame("ADDED", namespace("a"));
  expect(frame.readUInt32BE()).toBe(frame.length - 4);
  const event = Buffer.concat([
    Buffer.from([0x0a, 5]),
    Buffer.from("ADDED"),
    Buffer.from([0x12, object.length + 2, 0x0a, object.length]),
    object,
  ]);
  expect(frame.subarray(4).equals(event)).toBe(true);
});

test("what is taken from a writer stays as it is when it writes on", () => {
  const writer = new WireWriter(16);
  for (const text of ["a".repeat(10), "b".repeat(200_000), "c"]) {
    writer.begin().string(text);
    const taken = writer.take();
    writer.begin().string("d".repeat(300_000));
    expect(taken.toString("latin1").slice(-text.length)).toBe(text);
  }
});

test("a writer grows from any size", () => {
  const writer = new WireWriter(1);
  for (let i = 0; i < 100; i++) writer.string("abc");
  expect(writer.length).toBe(400);
  expect(writer.take().toString("latin1")).toBe("\x03abc".repeat(100));
  expect(writer.begin().length).toBe(0);
});
