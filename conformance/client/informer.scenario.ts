import { configMaps, Informer, InformerFactory, nodes, withoutManagedFields } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
});
afterAll(() => lane?.close());

function configMap(namespace: string, name: string, labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels }, data: { x: "1" } };
}

test.each([true, false])("shows what is there and follows what changes (watchList: %s)", async (watchList) => {
  const namespace = await lane.namespace("informer");
  const resource = lane.client.resource(configMaps);
  for (let i = 0; i < 12; i++) await resource.create(configMap(namespace, `c${i}`, { half: String(i % 2) }));
  const informer = new Informer<KubeObject>(resource, {
    namespace,
    labelSelector: "half",
    watchList,
    pageSize: 5,
    transform: withoutManagedFields,
    indexes: { half: (object) => [object.metadata.labels?.["half"] ?? ""] },
  });
  const told: string[] = [];
  informer.start();
  await informer.synced();
  expect(informer.size).toBe(12);
  expect(informer.by("half", "1").map((object) => object.metadata.name)).toContain("c7");
  expect(informer.by("half", "1")).toHaveLength(6);
  const c0 = informer.get("c0", namespace) as KubeObject;
  expect(c0).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", data: { x: "1" } });
  expect(c0.metadata.managedFields).toBeUndefined();

  informer.onChange({
    added: (object) => told.push(`added ${object.metadata.name}`),
    updated: (object, old) => told.push(`updated ${object.metadata.name} ${old["data"].x} to ${object["data"].x}`),
    deleted: (object) => told.push(`deleted ${object.metadata.name}`),
  });
  expect(told.sort()).toEqual(Array.from({ length: 12 }, (_, i) => `added c${i}`).sort());
  told.length = 0;

  await resource.create(configMap(namespace, "other"));
  await resource.update({ ...c0, data: { x: "2" } });
  await resource.patch("c1", namespace, { metadata: { labels: { half: null } } }, { type: "merge" });
  await resource.patch("other", namespace, { metadata: { labels: { half: "1" } } }, { type: "merge" });
  await resource.delete("c2", namespace);
  await vi.waitFor(() => expect(told).toEqual(["updated c0 1 to 2", "deleted c1", "added other", "deleted c2"]), {
    timeout: 20_000,
  });
  expect(informer.by("half", "1")).toHaveLength(6);
  expect(informer.metrics).toMatchObject({ lists: 1, failures: 0, missed: 0 });
  await informer.stop();
});

test("a factory shares one informer among those who ask for the same", async () => {
  const factory = new InformerFactory(lane.client);
  const one = factory.for(configMaps, { indexes: { a: () => ["x"] } });
  expect(factory.for(configMaps, { indexes: { b: () => ["y"] } })).toBe(one);
  expect(factory.for(configMaps, { namespace: "default" })).not.toBe(one);
  factory.start();
  const late = factory.for(nodes);
  await factory.synced();
  expect(late.hasSynced).toBe(true);
  expect(one.by("a", "x")).toHaveLength(one.size);
  expect(one.by("b", "y")).toHaveLength(one.size);
  await factory.stop();
});
