import { ManualClock } from "@podwright/clock";
import type { KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Client } from "./client.ts";
import { HttpTransport } from "./http-transport.ts";
import { Informer, type InformerOptions } from "./informer.ts";
import { configMaps } from "./resources.ts";
import { FaultyServer, refuse } from "./testing/faulty-server.ts";

let server: FaultyServer;
let client: Client;
let informer: Informer<KubeObject> | undefined;

beforeEach(async () => {
  server = await new FaultyServer().listen();
  client = new Client(new HttpTransport(server.connection));
});

afterEach(async () => {
  await informer?.stop();
  informer = undefined;
  await client.close();
  await server.close();
});

async function follow(options: InformerOptions<KubeObject> = {}): Promise<Informer<KubeObject>> {
  informer = new Informer(client.resource(configMaps), { minReconnectMs: 1, maxBackoffMs: 5, ...options });
  informer.start();
  await informer.synced();
  return informer;
}

function shows(names: string[]): Promise<void> {
  return vi.waitFor(
    () =>
      expect(
        informer
          ?.list()
          .map((object) => object.metadata.name)
          .sort(),
      ).toEqual(names),
    { timeout: 20_000 },
  );
}

describe("the first state", () => {
  test("comes by one watch where the server sends initial events", async () => {
    server.put("a", "1");
    await follow();
    expect(informer?.list().map((object) => object.metadata.name)).toEqual(["a"]);
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toContain("sendInitialEvents=true");
    server.put("b", "1");
    await shows(["a", "b"]);
  });

  test("comes by a list where the server refuses to send initial events, and it is not asked again", async () => {
    server.watchList = "refuse";
    server.put("a", "1");
    await follow();
    server.forget();
    server.put("b", "1");
    await shows(["a", "b"]);
    server.forget();
    server.drop();
    server.put("c", "1");
    await shows(["a", "b", "c"]);
    expect(server.requests.filter((request) => request.includes("sendInitialEvents"))).toHaveLength(1);
    expect(informer?.get("a", "default")).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
  });

  test("comes by a list where the server does not know of initial events", async () => {
    server.watchList = "ignore";
    server.put("a", "1");
    await follow({ silenceTimeoutMs: 30 });
    await shows(["a"]);
    expect(server.requests[1]).toMatch(/^GET \/api\/v1\/configmaps\?limit=500$/);
  });
});

describe("after a break", () => {
  test("it goes on from the last version, without a list", async () => {
    await follow();
    server.put("a", "1");
    await shows(["a"]);
    server.drop();
    server.put("b", "1");
    await shows(["a", "b"]);
    expect(informer?.metrics).toMatchObject({ lists: 1, recovered: 0, missed: 0 });
    expect(server.requests.at(-1)).toContain("resourceVersion=101");
  });

  test("bookmarks keep the version to go on from fresh", async () => {
    await follow();
    server.losing = true;
    server.put("elsewhere", "1");
    server.losing = false;
    server.bookmark();
    await vi.waitFor(() => expect(informer?.metrics.bookmarks).toBe(1), { timeout: 20_000 });
    server.drop();
    await vi.waitFor(() => expect(server.requests.at(-1)).toContain("resourceVersion=101"), { timeout: 20_000 });
  });

  test("it goes on when the server ends the watch in time", async () => {
    await follow();
    server.end();
    server.put("a", "1");
    await shows(["a"]);
    expect(informer?.metrics).toMatchObject({ lists: 1, failures: 0 });
  });

  test.each([
    ["garbage", "this is no JSON\n"],
    ["an event without an object", '{"type":"ADDED"}\n'],
    ["half a line", '{"type":"ADDED","object":{"metadata":'],
  ])("%s in the stream counts as a break", async (_what, text) => {
    await follow();
    server.write(text);
    server.end();
    server.put("a", "1");
    await shows(["a"]);
    expect(informer?.metrics.failures).toBe(1);
  });

  test("a connection that says nothing any more is given up", async () => {
    await follow({ silenceTimeoutMs: 40 });
    server.stall();
    server.put("a", "1");
    await shows(["a"]);
    expect(informer?.metrics.stalls).toBeGreaterThan(0);
    expect(informer?.metrics.lists).toBe(1);
  });

  test("when the history is gone it starts over, and tells what changed meanwhile", async () => {
    server.put("stays", "1");
    server.put("goes", "1");
    server.put("changes", "1");
    await follow();
    const told: string[] = [];
    informer?.onChange({
      added: (object) => told.push(`added ${object.metadata.name}`),
      updated: (object, old) =>
        told.push(`updated ${object.metadata.name} ${old["data"].value}>${object["data"].value}`),
      deleted: (object) => told.push(`deleted ${object.metadata.name}`),
    });
    told.length = 0;
    server.drop();
    server.remove("goes");
    server.put("changes", "2");
    server.put("comes", "1");
    server.forget();
    await shows(["changes", "comes", "stays"]);
    expect(told.sort()).toEqual(["added comes", "deleted goes", "updated changes 1>2"]);
    expect(informer?.metrics).toMatchObject({ expired: 1, lists: 2, recovered: 3, missed: 0 });
  });

  test("HTTP 410 is taken like the event", async () => {
    await follow();
    server.answers.push((_request, response) => refuse(response, 410, "Expired"));
    server.drop();
    server.put("a", "1");
    await shows(["a"]);
    expect(informer?.metrics).toMatchObject({ expired: 1, lists: 2 });
  });

  test("a server that refuses to go on from the version is asked for everything", async () => {
    await follow();
    for (let i = 0; i < 3; i++) server.answers.push((_request, response) => refuse(response, 504, "Timeout"));
    server.drop();
    server.put("a", "1");
    await shows(["a"]);
    expect(informer?.metrics.lists).toBe(2);
  });

  test("a hundred breaks, stalls and losses of history lose nothing", async () => {
    await follow({ silenceTimeoutMs: 25 });
    for (let i = 0; i < 100; i++) {
      server.put(`object-${i % 10}`, String(i));
      if (i % 7 === 0) server.remove(`object-${(i + 3) % 10}`);
      if (i % 4 === 0) server.drop();
      else if (i % 4 === 1) server.stall();
      else if (i % 4 === 2) server.end();
      if (i % 5 === 0) server.forget();
      await new Promise((resolve) => setTimeout(resolve, i % 6));
    }
    await shows(server.names);
    await vi.waitFor(() => expect(informer?.get("object-9", "default")?.["data"].value).toBe("99"), {
      timeout: 20_000,
    });
    expect(informer?.metrics.missed).toBe(0);
  });
});

test("what a watch left out is found by comparison, counted and told", async () => {
  await follow({ verifyIntervalMs: 1 });
  server.losing = true;
  server.put("lost", "1");
  server.losing = false;
  server.put("seen", "1");
  await shows(["seen"]);
  server.end();
  await shows(["lost", "seen"]);
  expect(informer?.metrics).toMatchObject({ missed: 1, recovered: 0 });
});

test("after failures it never connects more than once a second, and ever less often", async () => {
  const clock = new ManualClock();
  server.answers.push(
    ...Array.from({ length: 40 }, () => (_request: unknown, response: { destroy(): void }) => response.destroy()),
  );
  informer = new Informer(client.resource(configMaps), { clock, random: () => 0 });
  informer.start();
  const connectedAt: number[] = [];
  while (connectedAt.length < 12) {
    await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(connectedAt.length), { timeout: 20_000 });
    connectedAt.push(clock.now());
    await vi.waitFor(() => expect(informer?.metrics.failures).toBe(connectedAt.length), { timeout: 20_000 });
    await vi.waitFor(() => expect(clock.nextInMs).toBeGreaterThan(0), { timeout: 20_000 });
    clock.advance(clock.nextInMs as number);
  }
  const gaps = connectedAt.slice(1).map((at, i) => at - connectedAt[i]!);
  expect(gaps).toEqual([1000, 2000, 4000, 8000, 15000, 15000, 15000, 15000, 15000, 15000, 15000]);
});

test("nothing is told after stop, and stop ends the connection", async () => {
  await follow();
  const told: string[] = [];
  informer?.onChange({ added: (object) => told.push(object.metadata.name ?? "") });
  await informer?.stop();
  server.put("late", "1");
  await vi.waitFor(() => expect(server.watches).toBe(0), { timeout: 20_000 });
  expect(told).toEqual([]);
});

test("stop before the first state rejects who waits for it", async () => {
  server.answers.push(() => {});
  informer = new Informer(client.resource(configMaps));
  informer.start();
  const waiting = expect(informer.synced()).rejects.toThrow("stopped before it had synced");
  await informer.stop();
  await waiting;
});
