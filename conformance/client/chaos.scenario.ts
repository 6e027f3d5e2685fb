import {
  Client,
  configMaps,
  HttpTransport,
  Informer,
  loadKubeconfig,
  objectKey,
  type Transport,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { FaultProxy, faults } from "./fault-proxy.ts";

let lane: Lane;
let proxy: FaultProxy;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  proxy = await FaultProxy.open(loadKubeconfig({ path: lane.kubeconfig }));
});
afterAll(async () => {
  await proxy?.close();
  await lane?.close();
});

test.each([
  { watchList: true, json: false },
  { watchList: false, json: false },
  { watchList: true, json: true },
])(
  "an informer whose watch is harmed a hundred times loses nothing (watchList: $watchList, JSON only: $json)",
  async ({ watchList, json }) => {
    const namespace = await lane.namespace("chaos");
    const writer = lane.client.resource(configMaps);
    const transport = new HttpTransport(proxy.connection);
    const client = new Client(json ? acceptingJson(transport) : transport);
    const informer = new Informer<KubeObject>(client.resource(configMaps), {
      namespace,
      watchList,
      silenceTimeoutMs: 400,
      minReconnectMs: 5,
      maxBackoffMs: 20,
      verifyIntervalMs: 50,
    });
    // What the handlers were told must add up to what the store holds.
    const told = new Map<string, KubeObject>();
    informer.onChange({
      added(object) {
        expect(told.has(objectKey(object))).toBe(false);
        told.set(objectKey(object), object);
      },
      updated(object, old) {
        expect(told.get(objectKey(object))).toBe(old);
        told.set(objectKey(object), object);
      },
      deleted: (object) => told.delete(objectKey(object)),
    });
    informer.start();
    await informer.synced();

    const names = Array.from({ length: 12 }, (_, i) => `object-${i}`);
    const write = async (i: number) => {
      const name = names[i % names.length] as string;
      const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { i: String(i) } };
      if (i % 5 === 4) await writer.delete(name, namespace).catch(() => {});
      else await writer.update(object).catch(() => writer.create(object));
    };
    for (let i = 0; i < 100; i++) {
      await vi.waitFor(() => expect(proxy.watches).toBe(1), { timeout: 10_000, interval: 5 });
      await write(2 * i);
      proxy.harm(faults[i % faults.length]!);
      await write(2 * i + 1);
    }

    const versions = (objects: Iterable<KubeObject>) =>
      [...objects].map((object) => `${objectKey(object)}@${object.metadata.resourceVersion}`).sort();
    const wanted = versions((await writer.listAll({ namespace })).items);
    expect(wanted.length).toBeGreaterThan(5);
    await vi.waitFor(() => expect(versions(informer.list())).toEqual(wanted), { timeout: 10_000 });
    expect(versions(told.values())).toEqual(wanted);
    expect(informer.metrics.missed).toBe(0);
    expect(informer.metrics.stalls).toBeGreaterThan(0);
    expect(informer.metrics.expired).toBeGreaterThan(0);
    expect(proxy.encoding).toBe(json ? "application/json" : "application/vnd.kubernetes.protobuf;stream=watch");
    await informer.stop();
    await client.close();
  },
  120_000,
);

/** What of a client asks for JSON whatever it watches. */
function acceptingJson(transport: Transport): Transport {
  return {
    request: (request) =>
      transport.request({ ...request, headers: { ...request.headers, accept: "application/json" } }),
    close: () => transport.close(),
  };
}
