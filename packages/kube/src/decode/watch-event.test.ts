import { describe, expect, test } from "vitest";
import { DecodeError } from "./decode-error.ts";
import { decodeWatchEvent } from "./watch-event.ts";

/** A field of bytes; these are short. */
function field(number: number, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const tag = (number << 3) | 2;
  return Buffer.concat([
    Buffer.from(tag < 0x80 ? [tag, body.length] : [(tag & 0x7f) | 0x80, tag >> 7, body.length]),
    body,
  ]);
}
function body(apiVersion: string, kind: string, ...fields: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from("k8s\0"), field(1, field(1, apiVersion), field(2, kind)), field(2, ...fields)]);
}
function event(type: string, object: Buffer): Buffer {
  return Buffer.concat([field(1, type), field(2, field(1, object))]);
}
const managed = field(17, field(1, "me"), field(7, field(1, '{"f:data":{}}')));
const configMap = body("v1", "ConfigMap", field(1, field(1, "a"), managed), field(2, field(1, "k"), field(2, "v")));

describe("an event of a protobuf watch", () => {
  test("has a type and an object of the kind that the object's envelope says", () => {
    expect(decodeWatchEvent(event("ADDED", configMap))).toEqual({
      type: "ADDED",
      object: {
        kind: "ConfigMap",
        apiVersion: "v1",
        metadata: { name: "a", managedFields: [{ manager: "me", fieldsV1: { "f:data": {} } }] },
        data: { k: "v" },
      },
    });
  });

  test("comes without managedFields when nobody wants them", () => {
    const { object } = decodeWatchEvent(event("ADDED", configMap), { managedFields: false });
    expect(object["metadata"]).toEqual({ name: "a" });
  });

  test("shows what is held of its version, and is read in any other", () => {
    const versioned = (version: string) =>
      body("v1", "ConfigMap", field(1, field(1, "a"), field(3, "ns"), field(5, "uid-1"), field(6, version)));
    const held = { held: true };
    const asked: unknown[] = [];
    const read = (type: string, version: string) =>
      decodeWatchEvent(event(type, versioned(version)), {
        held: (of) => {
          asked.push(of);
          return of.resourceVersion === "7" ? held : undefined;
        },
      }).object;
    expect(read("ADDED", "7")).toBe(held);
    expect(read("MODIFIED", "7")).toBe(held);
    expect(read("MODIFIED", "8")["metadata"]).toMatchObject({ uid: "uid-1", resourceVersion: "8" });
    expect(asked).toHaveLength(3);
    expect(asked[0]).toEqual({ namespace: "ns", name: "a", uid: "uid-1", resourceVersion: "7" });
    // The last state of what goes is another than the one before.
    expect(read("DELETED", "7")).not.toBe(held);
    expect(asked).toHaveLength(3);
  });

  test("with type ERROR has a Status, with type BOOKMARK next to nothing", () => {
    const status = body("v1", "Status", field(1), field(2, "Failure"), field(3, "too old"), field(4, "Expired"));
    expect(decodeWatchEvent(event("ERROR", status))).toEqual({
      type: "ERROR",
      object: {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message: "too old",
        reason: "Expired",
      },
    });
    const bookmark = body("v1", "Pod", field(1, field(6, "12")), field(2), field(3));
    expect(decodeWatchEvent(event("BOOKMARK", bookmark)).object).toEqual({
      kind: "Pod",
      apiVersion: "v1",
      metadata: { resourceVersion: "12" },
      spec: { containers: null },
      status: {},
    });
  });

  test("of a StatefulSet has the types of its claims, which are not in protobuf", () => {
    const claim = field(4, field(1, field(1, "data")));
    const set = body("apps/v1", "StatefulSet", field(2, claim));
    expect(decodeWatchEvent(event("ADDED", set)).object["spec"]).toMatchObject({
      volumeClaimTemplates: [{ kind: "PersistentVolumeClaim", apiVersion: "v1", metadata: { name: "data" } }],
    });
  });

  test.each<[string, Buffer]>([
    ["not a watch event", Buffer.alloc(0)],
    ["not a watch event", field(1, "ADDED")],
    ["not a watch event", field(2, field(1, configMap))],
    ["empty data", event("ADDED", Buffer.alloc(0))],
    ["unexpected EOF", event("ADDED", configMap).subarray(0, -1)],
    ['no kind "NanoPod" is registered for version "example.com/v1"', event("ADDED", body("example.com/v1", "NanoPod"))],
    [
      "ObjectMeta has a field that is not known here",
      event("ADDED", body("v1", "ConfigMap", field(1, field(1, "a"), field(15, "cluster")))),
    ],
  ])("%s", (wanted, bytes) => {
    expect(() => decodeWatchEvent(bytes)).toThrow(new DecodeError(wanted));
  });
});
