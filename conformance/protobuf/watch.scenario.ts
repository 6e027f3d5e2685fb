import { once } from "node:events";
import { loadKubeconfig, type TransportResponse } from "@podwright/client";
import { type JsonObject, type KubeObject, nativeTypes } from "@podwright/kube";
import { ProtobufEncoder } from "@podwright/kube/encode";
import { decodeWatchEvent } from "@podwright/kube/watch-event";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
beforeAll(async () => {
  lane = await openLane({ operator: false });
});
afterAll(() => lane?.close());

const protobuf = "application/vnd.kubernetes.protobuf";
const initial = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
const encoder = new ProtobufEncoder(nativeTypes());

async function open(path: string, accept: string, signal: AbortSignal): Promise<TransportResponse> {
  return await lane.client.transport.request({ method: "GET", path, headers: { accept }, signal });
}

/** The frames of a watch. Each must be what the event in it is written as, byte for byte. */
async function* events(response: TransportResponse): AsyncGenerator<{ type: string; object: KubeObject }, void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of response.chunks()) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE()) {
      const frame = rest.subarray(0, 4 + rest.readUInt32BE());
      rest = rest.subarray(frame.length);
      const event = decodeWatchEvent(frame.subarray(4));
      const again = encoder.watchFrame(event.type, event.object as unknown as JsonObject);
      expect(again.toString("hex")).toBe(frame.toString("hex"));
      yield event as unknown as { type: string; object: KubeObject };
    }
  }
}

async function take(from: AsyncGenerator<{ type: string; object: KubeObject }, void>, count: number) {
  const taken: { type: string; object: KubeObject }[] = [];
  while (taken.length < count) {
    const { value, done } = await from.next();
    if (done) throw new Error(`the watch ended after ${taken.length} events`);
    taken.push(value as { type: string; object: KubeObject });
  }
  return taken;
}

/** A namespace, and what writes the ConfigMap "watched" in it. */
async function prepare() {
  const namespace = await lane.namespace("protobuf");
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const send = async (method: "POST" | "PATCH" | "DELETE", url: string, body?: object) => {
    const headers = { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" };
    await (await lane.client.transport.request({ method, path: url, headers, ...(body && { body }) })).text();
  };
  const create = (name: string) =>
    send("POST", path, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, labels: { watched: "yes" } },
      data: { k: "v" },
    });
  const change = (name: string, body: object) => send("PATCH", `${path}/${name}`, body);
  const remove = (name: string) => send("DELETE", `${path}/${name}`);
  return { path, create, change, remove };
}

describe("watches in protobuf", () => {
  it("tell of what is there, and of what changes", async () => {
    const { path, create, change, remove } = await prepare();
    await create("a");
    await create("b");
    const ended = new AbortController();
    const accept = `${protobuf};stream=watch,application/json`;
    const response = await open(`${path}?${initial}&labelSelector=watched`, accept, ended.signal);
    expect([response.status, response.headers["content-type"]]).toEqual([200, `${protobuf};stream=watch`]);
    const watch = events(response);
    const begin = await take(watch, 3);
    expect(begin.map(({ type, object }) => `${type} ${object.metadata.name ?? ""}`)).toEqual([
      "ADDED a",
      "ADDED b",
      "BOOKMARK ",
    ]);
    expect(begin[2]?.object).toMatchObject({
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { annotations: { "k8s.io/initial-events-end": "true" } },
    });
    await change("a", { data: { k: "w" } });
    await change("b", { metadata: { labels: { watched: null } } });
    await remove("a");
    const then = await take(watch, 3);
    expect(then.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      "MODIFIED a",
      "DELETED b",
      "DELETED a",
    ]);
    expect(then[0]?.object).toMatchObject({ kind: "ConfigMap", apiVersion: "v1", data: { k: "w" } });
    ended.abort();
  });

  it("come over a WebSocket without their length, a message each", async () => {
    const { path, create } = await prepare();
    await create("a");
    const { server, tls, credentials } = loadKubeconfig({ path: lane.kubeconfig });
    const { authorization, certificate, key } = await credentials.current();
    const socket = new WebSocket(`${server.replace("https:", "wss:")}${path}?${initial}&labelSelector=watched`, {
      ca: tls.ca,
      cert: certificate,
      key,
      rejectUnauthorized: tls.insecureSkipVerify !== true,
      // Upstream wants to know where the page is from.
      origin: "https://localhost",
      headers: { accept: protobuf, ...(authorization !== undefined && { authorization }) },
    });
    const [message, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
    expect(isBinary).toBe(true);
    expect(decodeWatchEvent(message)).toMatchObject({ type: "ADDED", object: { metadata: { name: "a" } } });
    socket.terminate();
  });

  it("tell of metadata only, to who asks for that", async () => {
    const { path, create } = await prepare();
    await create("a");
    const ended = new AbortController();
    const accept = `${protobuf};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
    const watch = events(await open(`${path}?${initial}&labelSelector=watched`, accept, ended.signal));
    const [first] = await take(watch, 1);
    expect(first).toMatchObject({
      type: "ADDED",
      object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: { name: "a" } },
    });
    expect(first?.object).not.toHaveProperty("data");
    ended.abort();
  });

  it("come as JSON to who would rather have that, or a Table", async () => {
    const { path, create } = await prepare();
    await create("a");
    for (const accept of [
      `${protobuf};q=0.5,application/json`,
      `${protobuf};as=Table;g=meta.k8s.io;v=v1,application/json;as=Table;g=meta.k8s.io;v=v1`,
    ]) {
      const ended = new AbortController();
      const response = await open(`${path}?${initial}`, accept, ended.signal);
      expect(response.headers["content-type"]).toBe("application/json");
      ended.abort();
    }
  });

  it("have bookmarks with the fields that Go always writes, in JSON too", async () => {
    const path = `/api/v1/namespaces/${await lane.namespace("protobuf")}/pods?${initial}`;
    const ended = new AbortController();
    const [inProtobuf] = await take(events(await open(path, protobuf, ended.signal)), 1);
    const inJson: { type: string; object: KubeObject }[] = [];
    for await (const event of (await open(path, "application/json", ended.signal)).events()) {
      inJson.push(event);
      break;
    }
    for (const bookmark of [inProtobuf, inJson[0]]) {
      const { metadata, ...rest } = bookmark?.object ?? { metadata: {} };
      expect(bookmark?.type).toBe("BOOKMARK");
      expect(metadata.annotations).toEqual({ "k8s.io/initial-events-end": "true" });
      expect(rest).toEqual({ kind: "Pod", apiVersion: "v1", spec: { containers: null }, status: {} });
    }
    ended.abort();
  });
});
