import { ManualClock } from "@podwright/clock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "./client.ts";
import { EventRecorder } from "./event-recorder.ts";
import { HttpTransport } from "./http-transport.ts";
import { FaultyServer, json, refuse } from "./testing/faulty-server.ts";

const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "default", uid: "u" } };
let server: FaultyServer;
let client: Client;
let clock: ManualClock;
beforeEach(async () => {
  server = await new FaultyServer().listen();
  client = new Client(new HttpTransport(server.connection));
  clock = new ManualClock();
});
afterEach(async () => {
  await client.close();
  await server.close();
});

function accept(): void {
  server.answers.push((_request, response) => json(response, 201, {}));
}

test("while the server cannot be reached an event is tried again, and repeats are counted meanwhile", async () => {
  for (let i = 0; i < 3; i++) server.answers.push((request) => request.socket.destroy());
  accept();
  accept();
  const recorder = new EventRecorder(client, { component: "c", clock, random: () => 0.5 });
  recorder.event(object, "Normal", "Tried", "once");
  const waits: (number | undefined)[] = [];
  for (let i = 1; i <= 3; i++) {
    await vi.waitFor(() => expect(clock.pending).toBe(1), { timeout: 20_000 });
    waits.push(clock.nextInMs);
    recorder.event(object, "Normal", "Tried", "once");
    clock.advance(10_000);
  }
  await recorder.flushed();
  expect(waits).toEqual([5000, 10_000, 10_000]);
  expect(server.requests.map((request) => request.split(" ")[0])).toEqual(["POST", "POST", "POST", "POST", "PATCH"]);
  await recorder.stop();
});

test("an event the server refuses is dropped, and the next one goes on", async () => {
  server.answers.push((_request, response) => refuse(response, 403, "Forbidden"));
  accept();
  const recorder = new EventRecorder(client, { component: "c", clock });
  recorder.event(object, "Normal", "First", "m");
  recorder.event(object, "Normal", "Second", "m");
  await recorder.flushed();
  expect(server.requests).toHaveLength(2);
  await recorder.stop();
});

test("more events than may wait are dropped and counted; after stop none is taken", async () => {
  server.answers.push(() => {});
  const recorder = new EventRecorder(client, { component: "c", clock, queueLimit: 2 });
  recorder.event(object, "Normal", "Zero", "m");
  await vi.waitFor(() => expect(server.requests).toHaveLength(1), { timeout: 20_000 });
  for (const reason of ["One", "Two", "Three", "Four"]) recorder.event(object, "Normal", reason, "m");
  expect(recorder.dropped).toBe(2);
  const stopping = recorder.stop();
  recorder.event(object, "Normal", "Late", "m");
  clock.advance(1000);
  await stopping;
  expect(server.requests).toHaveLength(1);
});
