import type { KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "./client.ts";
import { HttpTransport } from "./http-transport.ts";
import { Informer, withoutManagedFields } from "./informer.ts";
import { configMaps } from "./resources.ts";
import { FaultyServer } from "./testing/faulty-server.ts";

let server: FaultyServer;
let client: Client;
let informer: Informer<KubeObject>;
const problems: string[] = [];

beforeEach(async () => {
  server = await new FaultyServer().listen();
  client = new Client(new HttpTransport(server.connection));
  problems.length = 0;
  const note = (message: string) => void problems.push(message);
  informer = new Informer(client.resource(configMaps), {
    minReconnectMs: 1,
    logger: { debug() {}, info() {}, warn() {}, error: note },
  });
  informer.start();
  await informer.synced();
});
afterEach(async () => {
  await informer.stop();
  await client.close();
  await server.close();
});

/** What a handler is told, as text. */
function listen(): string[] {
  const told: string[] = [];
  informer.onChange({
    added: (object) => told.push(`added ${object.metadata.name}`),
    updated: (object) => told.push(`updated ${object.metadata.name}`),
    deleted: (object) => told.push(`deleted ${object.metadata.name}`),
  });
  return told;
}

test("a handler that throws keeps neither the others nor the store from following", async () => {
  informer.onChange({
    added() {
      throw new Error("defect");
    },
  });
  const told = listen();
  server.put("a", "1");
  server.put("b", "1");
  await vi.waitFor(() => expect(told).toEqual(["added a", "added b"]), { timeout: 20_000 });
  expect(problems).toEqual(["a change handler threw", "a change handler threw"]);
});

test("an event that brings what is known already is not told, nor the end of what is not known", async () => {
  const told = listen();
  server.put("a", "1");
  await vi.waitFor(() => expect(told).toEqual(["added a"]), { timeout: 20_000 });
  const known = informer.get("a", "default") as KubeObject;
  server.write(`${JSON.stringify({ type: "MODIFIED", object: known })}\n`);
  const unknown = { ...known, metadata: { ...known.metadata, name: "unknown" } };
  server.write(`${JSON.stringify({ type: "DELETED", object: unknown })}\n`);
  server.put("b", "1");
  await vi.waitFor(() => expect(told).toEqual(["added a", "added b"]), { timeout: 20_000 });
  expect(informer.get("a", "default")).toBe(known);
});

test("an object that was deleted and made again while nobody looked is two changes", async () => {
  server.put("a", "1");
  const told = listen();
  await vi.waitFor(() => expect(told).toEqual(["added a"]), { timeout: 20_000 });
  const known = informer.get("a", "default") as KubeObject;
  const again = { ...known, metadata: { ...known.metadata, uid: "another", resourceVersion: "999" } };
  server.write(`${JSON.stringify({ type: "MODIFIED", object: again })}\n`);
  await vi.waitFor(() => expect(told).toEqual(["added a", "deleted a", "added a"]), { timeout: 20_000 });
});

test("who listens late is told of what is there, and who has left is told no more", async () => {
  server.put("a", "1");
  await vi.waitFor(() => expect(informer.size).toBe(1), { timeout: 20_000 });
  const told: string[] = [];
  const leave = informer.onChange({ added: (object) => told.push(object.metadata.name ?? "") });
  expect(told).toEqual(["a"]);
  leave();
  server.put("b", "1");
  await vi.waitFor(() => expect(informer.size).toBe(2), { timeout: 20_000 });
  expect(told).toEqual(["a"]);
});

test("managed fields can be left out, and the object given stays as it was", () => {
  const object = { apiVersion: "v1", kind: "X", metadata: { name: "a", managedFields: [{ manager: "m" }] }, x: 1 };
  expect(withoutManagedFields(object)).toEqual({ apiVersion: "v1", kind: "X", metadata: { name: "a" }, x: 1 });
  expect(object.metadata.managedFields).toHaveLength(1);
  const bare = { apiVersion: "v1", kind: "X", metadata: { name: "a" } };
  expect(withoutManagedFields(bare)).toBe(bare);
});
