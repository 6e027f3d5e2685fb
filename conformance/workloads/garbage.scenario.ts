import { configMaps, customResourceDefinitions, namespaces, secrets } from "@podwright/client";
import type { KubeObject, OwnerReference } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openScene } from "./scene.ts";

const { client, namespace, until, untilGone } = await openScene("garbage", { nodes: 0 });

function configMap(name: string, owners: KubeObject[] = [], metadata: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace, ownerReferences: owners.map(ownedBy), ...metadata },
  };
}

function ownedBy({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  return { apiVersion, kind, name: metadata.name ?? "", uid: metadata.uid ?? "", blockOwnerDeletion: true };
}

const create = (object: KubeObject) => client.resource(configMaps).create(object);
const remove = (name: string, propagationPolicy: "Background" | "Foreground" | "Orphan") =>
  client.resource(configMaps).delete(name, namespace, { propagationPolicy });
const gone = (name: string) => untilGone(configMaps, name);

test("in the background the owner goes first, its dependents and theirs follow", async () => {
  const owner = await create(configMap("grandparent"));
  const parent = await create(configMap("parent", [owner]));
  await create(configMap("child", [parent]));
  await remove("grandparent", "Background");
  await gone("grandparent");
  await gone("parent");
  await gone("child");
});

test("in the foreground the owner waits for its dependents, also for one with a finalizer", async () => {
  const owner = await create(configMap("waiting"));
  await create(configMap("held", [owner], { finalizers: ["example.com/hold"] }));
  await remove("waiting", "Foreground");
  await until(configMaps, "held", ({ metadata }) => metadata.deletionTimestamp !== undefined);
  const waiting = await client.resource(configMaps).get("waiting", namespace);
  expect(waiting.metadata.finalizers).toEqual(["foregroundDeletion"]);
  await client.resource(configMaps).patch("held", namespace, { metadata: { finalizers: null } }, { type: "merge" });
  await gone("waiting");
});

test("orphaned dependents stay, without their owner", async () => {
  const owner = await create(configMap("leaving"));
  await create(configMap("staying", [owner]));
  await remove("leaving", "Orphan");
  await gone("leaving");
  const staying = await client.resource(configMaps).get("staying", namespace);
  expect(staying.metadata.ownerReferences ?? []).toEqual([]);
});

test("an object with two owners stays as long as one is there", async () => {
  const [first, second] = [await create(configMap("first")), await create(configMap("second"))];
  await create(configMap("shared", [first, second]));
  await remove("first", "Background");
  await until(configMaps, "shared", ({ metadata }) => metadata.ownerReferences?.length === 1);
  await remove("second", "Background");
  await gone("shared");
});

test("an object whose owner never was, goes; so does one that means another of the owner's name", async () => {
  const owner = await create(configMap("real"));
  await create(
    configMap("impostor", [{ ...owner, metadata: { ...owner.metadata, uid: "00000000-0000-4000-8000-000000000000" } }]),
  );
  await gone("impostor");
  await client.resource(configMaps).get("real", namespace);
});

test("objects that own each other in a circle go together", async () => {
  const one = await create(configMap("one"));
  const two = await create(configMap("two", [one]));
  await client
    .resource(configMaps)
    .patch("one", namespace, { metadata: { ownerReferences: [ownedBy(two)] } }, { type: "merge" });
  await remove("one", "Foreground");
  await gone("one");
  await gone("two");
});

// Garbage collectors look for new kinds every 30 seconds, namespaces' controllers are patient: these wait together.
describe.concurrent("custom resources", () => {
  const group = `garbage-${Math.random().toString(36).slice(2, 8)}.example.com`;
  const widgets = { group, version: "v1", resource: "widgets", kind: "Widget", namespaced: true };
  const definition: KubeObject = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  };
  const widget = (name: string, owners: KubeObject[] = []): KubeObject => ({
    apiVersion: `${group}/v1`,
    kind: "Widget",
    metadata: { name, namespace, ownerReferences: owners.map(ownedBy) },
  });

  beforeAll(async () => {
    await client.resource(customResourceDefinitions).create(definition);
    await until(customResourceDefinitions, `widgets.${group}`, (object) =>
      (object["status"]?.conditions ?? []).some(
        (each: { type: string; status: string }) => each.type === "Established" && each.status === "True",
      ),
    );
  });
  afterAll(() => client.resource(customResourceDefinitions).delete(`widgets.${group}`));

  test("own, and are owned", { timeout: 180_000 }, async () => {
    const owner = await createWidget(widget("owner"));
    await create(configMap("of-a-widget", [owner]));
    await createWidget(widget("of-a-map", [await create(configMap("map"))]));
    await client.resource(widgets).delete("owner", namespace);
    await gone("of-a-widget");
    await remove("map", "Background");
    await untilGone(widgets, "of-a-map");
  });

  /** The API server serves a new kind a moment after it says so. */
  async function createWidget(object: KubeObject): Promise<KubeObject> {
    for (let tries = 0; ; tries++) {
      try {
        return await client.resource(widgets).create(object);
      } catch (error) {
        if (tries === 50) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  test("go with their namespace", { timeout: 60_000 }, async () => {
    const other = await newNamespace("going");
    await createWidget({ ...widget("inside"), metadata: { name: "inside", namespace: other } });
    await client.resource(secrets).create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "inside", namespace: other },
    });
    await client.resource(namespaces).delete(other);
    await untilGone(namespaces, other);
  });
});

test.concurrent("a namespace waits for content that is held, and says what", async () => {
  const held = await newNamespace("held");
  await client.resource(configMaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "held", namespace: held, finalizers: ["example.com/hold"] },
  });
  await client.resource(namespaces).delete(held);
  const waiting = await until(
    namespaces,
    held,
    (object) => condition(object, "NamespaceFinalizersRemaining")?.status === "True",
  );
  expect(waiting["status"].phase).toBe("Terminating");
  expect(condition(waiting, "NamespaceContentRemaining")).toMatchObject({
    status: "True",
    reason: "SomeResourcesRemain",
    message: "Some resources are remaining: configmaps. has 1 resource instances",
  });
  expect(condition(waiting, "NamespaceFinalizersRemaining")).toMatchObject({
    reason: "SomeFinalizersRemain",
    message: "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
  });
  const refused = client.resource(configMaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "late", namespace: held },
  });
  await expect(refused).rejects.toMatchObject({ code: 403 });
  await client.resource(configMaps).patch("held", held, { metadata: { finalizers: null } }, { type: "merge" });
  await untilGone(namespaces, held);
});

/** One that the test itself takes away. */
async function newNamespace(prefix: string): Promise<string> {
  const { metadata } = await client
    .resource(namespaces)
    .create({ apiVersion: "v1", kind: "Namespace", metadata: { generateName: `${prefix}-` } });
  return metadata.name as string;
}

function condition(object: KubeObject, type: string) {
  return (object["status"]?.conditions ?? []).find((each: { type: string }) => each.type === type);
}
