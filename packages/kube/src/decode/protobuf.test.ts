import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../object.ts";
import { DecodeError } from "./native.ts";
import { decodeProtobuf, isProtobuf } from "./protobuf.ts";

/** Writes protobuf by hand: the numbers are those of the Go structs' tags. */
function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
function int(field: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)]);
}
function message(field: number, ...parts: (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}
const text = message;

function envelope(apiVersion: string, kind: string, ...parts: Buffer[]): Buffer {
  const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
  return Buffer.concat([magic, message(1, text(1, apiVersion), text(2, kind)), message(2, ...parts)]);
}
function decode(bytes: Uint8Array): JsonObject {
  return decodeProtobuf(bytes).object;
}

const podWithVolume = envelope(
  "v1",
  "Pod",
  message(1, text(1, "p"), text(2, ""), int(7, 0), message(8), message(11, text(1, "app"), text(2, "w"))),
  message(
    2,
    message(1, text(1, "v"), message(2, message(2))), // a Volume: its source is a message of its own, with an empty emptyDir
    message(
      2,
      text(1, "c"),
      text(2, "i"),
      message(6, text(1, ""), int(2, 0), int(3, 80)),
      message(8, message(1, text(1, "cpu"), message(2, text(1, "0.5")))),
      message(10, message(1, message(2, text(1, "/"), message(2, int(1, 1), int(2, 0), text(3, "http")))), int(2, 0)),
    ),
    int(4, 0),
    int(11, 0),
  ),
);

describe("protobuf bodies", () => {
  test("have their kind in the envelope, embedded messages become fields, zeros that are no pointers mean unset", () => {
    expect(decodeProtobuf(podWithVolume)).toEqual({
      apiVersion: "v1",
      kind: "Pod",
      contentType: "",
      object: {
        kind: "Pod",
        apiVersion: "v1",
        metadata: { name: "p", labels: { app: "w" } },
        spec: {
          volumes: [{ name: "v", emptyDir: {} }],
          containers: [
            {
              name: "c",
              image: "i",
              ports: [{ containerPort: 80 }],
              resources: { limits: { cpu: "500m" } },
              livenessProbe: { httpGet: { path: "/", port: "http" } },
            },
          ],
          terminationGracePeriodSeconds: 0,
        },
        status: {},
      },
    });
  });

  test("keep a zero that is behind a pointer: a scale to nothing", () => {
    const bytes = envelope("apps/v1", "Deployment", message(2, int(1, 0), int(5, 0)));
    expect((decode(bytes)["spec"] as JsonObject)["replicas"]).toBe(0);
    expect(decode(bytes)["spec"]).not.toHaveProperty("minReadySeconds");
  });

  test("times are whole seconds, micro times six digits, integers 64 bits", () => {
    const seconds = Date.UTC(2024, 0, 2, 3, 4, 5) / 1000;
    const lease = envelope(
      "coordination.k8s.io/v1",
      "Lease",
      message(1, int(7, 2n ** 60n), message(8, int(1, seconds), int(2, 999))),
      message(2, text(1, "me"), int(2, -1), message(4, int(1, seconds), int(2, 120_000_500))),
    );
    expect(decode(lease)).toEqual({
      kind: "Lease",
      apiVersion: "coordination.k8s.io/v1",
      metadata: { generation: 2n ** 60n, creationTimestamp: "2024-01-02T03:04:05Z" },
      spec: { holderIdentity: "me", leaseDurationSeconds: -1, renewTime: "2024-01-02T03:04:05.120000Z" },
    });
  });

  test("bytes become base64, raw JSON becomes JSON, wrapped lists lists", () => {
    const secret = envelope("v1", "Secret", message(2, text(1, "k"), text(2, "hi")), message(2, text(1, "empty")));
    expect(decode(secret)["data"]).toEqual({ empty: "", k: "aGk=" });
    const revision = envelope("apps/v1", "ControllerRevision", message(2, text(1, '{"a":[1]}')), int(3, 7));
    expect(decode(revision)).toMatchObject({ data: { a: [1] }, revision: 7 });
    const review = envelope(
      "authorization.k8s.io/v1",
      "SubjectAccessReview",
      message(2, message(5, text(1, "scopes"), message(2, text(1, "a"), text(1, "b")))),
    );
    expect(decode(review)["spec"]).toEqual({ extra: { scopes: ["a", "b"] } });
  });

  test("schemas of custom resources are read in all their shapes", () => {
    const schema = message(
      1,
      text(5, "object"),
      message(24, message(1, text(5, "string"))),
      message(30, int(1, 1)),
      message(32, text(1, "a"), message(2, text(2, "b"))),
      message(20, text(1, "null")),
    );
    const definition = envelope(
      "apiextensions.k8s.io/v1",
      "CustomResourceDefinition",
      message(2, message(7, message(4, schema))),
    );
    expect(decode(definition)).toMatchObject({
      spec: {
        versions: [
          {
            schema: {
              openAPIV3Schema: {
                type: "object",
                enum: [null],
                items: { type: "string" },
                additionalProperties: true,
                dependencies: { a: ["b"] },
              },
            },
          },
        ],
      },
    });
  });

  test("numbers in lists come packed or one by one; unknown fields are passed over; parts of a message are merged", () => {
    const options = (ports: Buffer) => envelope("v1", "PodPortForwardOptions", ports);
    expect(decode(options(Buffer.concat([int(1, 80), int(1, 443)])))["ports"]).toEqual([80, 443]);
    expect(decode(options(message(1, varint(80), varint(443))))["ports"]).toEqual([80, 443]);
    const strange = Buffer.concat([int(900, 5), message(901, "x"), Buffer.from([0xe5, 0x38, 1, 2, 3, 4])]);
    expect(decode(envelope("v1", "Namespace", strange, message(1, text(1, "a")), message(1, text(5, "u"))))).toEqual({
      kind: "Namespace",
      apiVersion: "v1",
      metadata: { name: "a", uid: "u" },
      spec: {},
      status: {},
    });
  });

  test("keys of maps are sorted; fields that the struct has not are told of", () => {
    const entry = (key: string) => message(2, text(1, key), text(2, "x"));
    const bytes = envelope("v1", "ConfigMap", entry("b"), entry("__proto__"), entry("a"), entry("B"));
    expect(Object.keys(decode(bytes)["data"] as JsonObject)).toEqual(["B", "__proto__", "a", "b"]);
    expect(decodeProtobuf(bytes).unknown).toBeUndefined();
    expect(decodeProtobuf(envelope("v1", "ConfigMap", message(1, int(99, 1)))).unknown).toBe("ObjectMeta");
  });

  test("DeleteOptions are known in every group; a kind may be given when the envelope has none", () => {
    const options = envelope("apps/v1", "DeleteOptions", int(1, 0), text(4, "Foreground"));
    expect(decode(options)).toEqual({
      kind: "DeleteOptions",
      apiVersion: "apps/v1",
      gracePeriodSeconds: 0,
      propagationPolicy: "Foreground",
    });
    const bare = envelope("", "", message(1, text(1, "a")));
    expect(decodeProtobuf(bare, { apiVersion: "v1", kind: "ConfigMap" }).object).toEqual({
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { name: "a" },
    });
  });
});

describe("bytes that are no such body", () => {
  test.each<[string, Buffer]>([
    ["empty data", Buffer.alloc(0)],
    [
      "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
      Buffer.from('{"kind":"Pod"}'),
    ],
    ["empty body", Buffer.from("k8s\0")],
    ['no kind "Nothing" is registered for version "v1"', envelope("v1", "Nothing")],
    ['no kind "Pod" is registered for version "example.com/v1"', envelope("example.com/v1", "Pod")],
    ["unexpected EOF", envelope("v1", "Pod", Buffer.from([0x0a, 0x7f]))],
    ["proto: wrong wireType = 0 for field Metadata", envelope("v1", "Pod", int(1, 5))],
    ["proto: time out of range", envelope("v1", "Pod", message(1, message(8, int(1, 2n ** 62n))))],
    ["unexpected end of JSON input", envelope("apps/v1", "ControllerRevision", message(2, text(1, "{")))],
  ])("%s", (wanted, bytes) => {
    expect(() => decodeProtobuf(bytes)).toThrow(new DecodeError(wanted));
  });

  test("nesting too deep is an error, not a crash", () => {
    let schema = message(28);
    for (let i = 0; i < 5000; i++) schema = message(28, schema);
    const bytes = envelope(
      "apiextensions.k8s.io/v1",
      "CustomResourceDefinition",
      message(2, message(7, message(4, message(1, schema)))),
    );
    expect(() => decodeProtobuf(bytes)).toThrow("proto: messages are nested too deeply");
  });

  test("messages whose parts come in parts are not read for ever", () => {
    let schema = message(28);
    for (let i = 0; i < 60; i++) schema = Buffer.concat([message(28, schema), message(28)]);
    const bytes = envelope(
      "apiextensions.k8s.io/v1",
      "CustomResourceDefinition",
      message(2, message(7, message(4, message(1, schema)))),
    );
    expect(() => decodeProtobuf(bytes)).toThrow("proto: too many messages come in parts");
  });

  test("whatever is cut or changed, the answer is an object or a DecodeError", () => {
    const attempt = (bytes: Uint8Array): void => {
      try {
        decodeProtobuf(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    };
    for (let end = 0; end < podWithVolume.length; end++) attempt(podWithVolume.subarray(0, end));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(podWithVolume.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (edits) => {
          const bytes = Buffer.from(podWithVolume);
          for (const [offset, byte] of edits) bytes[offset] = byte;
          attempt(bytes);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("are told from JSON by their first bytes", () => {
    expect(isProtobuf(podWithVolume)).toBe(true);
    expect(isProtobuf(Buffer.from("{}"))).toBe(false);
  });
});
