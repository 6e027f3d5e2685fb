import { decodeProtobuf, type KubeObject } from "@podwright/kube";
import { decodeWatchEvent } from "@podwright/kube/watch-event";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ApiResponse, WatchBody } from "../request.ts";
import { openTestServer, type TestServer } from "../testing/test-server.ts";

let api: TestServer;
beforeAll(async () => {
  api = await openTestServer();
});
afterAll(() => api.close());

const configMaps = "/api/v1/namespaces/default/configmaps";
const protobuf = "application/vnd.kubernetes.protobuf";

function create(name: string, data: object = {}) {
  return api.send("POST", configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
}

async function ask(path: string, accept = protobuf, signal?: AbortSignal): Promise<ApiResponse> {
  return (await api.send("GET", path, undefined, { headers: { accept }, ...(signal && { signal }) })).response;
}

function bytesOf({ headers, body }: ApiResponse): Buffer {
  expect(headers["Content-Type"]).toBe(protobuf);
  if (body.type !== "bytes") throw new Error("no bytes");
  return Buffer.concat(body.chunks.map((chunk) => Buffer.from(chunk)));
}

async function watch(path: string, accept = `${protobuf};stream=watch`) {
  const ended = new AbortController();
  const { headers, body } = await ask(path, accept, ended.signal);
  const { frames, protobuf: encoder } = body as WatchBody;
  const iterator = frames[Symbol.asyncIterator]();
  return {
    contentType: headers["Content-Type"],
    end: () => ended.abort(),
    async next(): Promise<Buffer> {
      const { value, done } = await iterator.next();
      if (done || encoder === undefined) throw new Error("no protobuf");
      return value.protobuf(encoder);
    },
  };
}

function eventIn(frame: Buffer) {
  expect(frame.readUInt32BE()).toBe(frame.length - 4);
  return decodeWatchEvent(frame.subarray(4)) as unknown as { type: string; object: KubeObject };
}

describe("answers in protobuf", () => {
  it("hold what those in JSON hold", async () => {
    await create("same", { a: "1" });
    const { body } = await api.send("GET", `${configMaps}/same`);
    expect(decodeProtobuf(bytesOf(await ask(`${configMaps}/same`))).object).toEqual(body);
  });

  it("are lists of any length, page by page", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `long-${String(index).padStart(3, "0")}`);
    for (const name of names) await create(name, { text: name.repeat(1000) });
    const list = decodeProtobuf(bytesOf(await ask(configMaps))).object as unknown as { items: KubeObject[] };
    const listed = list.items.map(({ metadata }) => metadata.name).filter((name) => name?.startsWith("long-"));
    expect(listed).toEqual(names);
    const page = decodeProtobuf(bytesOf(await ask(`${configMaps}?limit=2`))).object;
    expect(page).toMatchObject({ metadata: { continue: expect.stringMatching(/./) } });
    expect(page["items"]).toHaveLength(2);
  });
});

describe("watches in protobuf", () => {
  it("encode an object once for all", async () => {
    const watches = await Promise.all(
      [1, 2, 3].map(() => watch(`${configMaps}?watch=1&fieldSelector=metadata.name%3Dshared`)),
    );
    const next = Promise.all(watches.map((each) => each.next()));
    await create("shared");
    const [first, ...others] = await next;
    for (const other of others) expect(other).toBe(first);
    expect(eventIn(first as Buffer)).toMatchObject({ type: "ADDED", object: { metadata: { name: "shared" } } });
    for (const each of watches) each.end();
  });

  it("end with a Status when they cannot go on", async () => {
    await create("compacted");
    await api.storage.compact(api.storage.revision);
    const broken = await watch(`${configMaps}?watch=1&resourceVersion=1`);
    expect(broken.contentType).toBe(`${protobuf};stream=watch`);
    expect(eventIn(await broken.next())).toMatchObject({
      type: "ERROR",
      object: { kind: "Status", apiVersion: "v1", code: 410, reason: "Expired" },
    });
  });
});
