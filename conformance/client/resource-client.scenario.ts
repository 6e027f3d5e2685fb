import {
  configMaps,
  customResourceDefinitions,
  deployments,
  NoMatchError,
  namespaces,
  serviceAccounts,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lane, openLane } from "../lane.ts";

let lane: Lane;
let namespace: string;
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  namespace = await lane.namespace("client");
});
afterAll(() => lane?.close());

function configMap(name: string, data: Record<string, string>, labels: Record<string, string> = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, labels }, data };
}

test("an object is made, read, replaced, changed and deleted", async () => {
  const resource = lane.client.resource(configMaps);
  const made = await resource.create(configMap("life", { a: "1" }), { fieldManager: "tester" });
  expect(await resource.get("life", namespace)).toEqual(made);
  const replaced = await resource.update({ ...made, data: { a: "2" } });
  expect(replaced["data"]).toEqual({ a: "2" });
  await expect(resource.update({ ...made, data: { a: "3" } })).rejects.toMatchObject({ code: 409, reason: "Conflict" });
  const merged = await resource.patch("life", namespace, { data: { b: "1", a: null } }, { type: "merge" });
  expect(merged["data"]).toEqual({ b: "1" });
  const operations = [{ op: "replace", path: "/data/b", value: "2" }];
  expect((await resource.patch("life", namespace, operations, { type: "json" }))["data"]).toEqual({ b: "2" });
  const strategic = { data: { $retainKeys: ["c"], c: "1" } };
  expect((await resource.patch("life", namespace, strategic, { type: "strategic" }))["data"]).toMatchObject({ c: "1" });
  await expect(resource.delete("life", namespace, { preconditions: { uid: "other" } })).rejects.toMatchObject({
    code: 409,
  });
  expect(await resource.delete("life", namespace)).toMatchObject({ kind: "Status", status: "Success" });
  await expect(resource.get("life", namespace)).rejects.toMatchObject({
    code: 404,
    reason: "NotFound",
    message: 'configmaps "life" not found',
  });
});

test("a dry run stores nothing", async () => {
  const resource = lane.client.resource(configMaps);
  expect((await resource.create(configMap("dry", {}), { dryRun: true })).metadata.uid).toBeDefined();
  await expect(resource.get("dry", namespace)).rejects.toMatchObject({ code: 404 });
});

test("strict field validation is asked for and refused", async () => {
  const wrong = { ...configMap("strict", {}), extra: true };
  await expect(lane.client.resource(configMaps).create(wrong, { fieldValidation: "Strict" })).rejects.toMatchObject({
    code: 400,
    message: expect.stringContaining('unknown field "extra"'),
  });
});

test("a name or a namespace that is missing is refused before it becomes a request about all objects", async () => {
  const resource = lane.client.resource(configMaps);
  expect(() => resource.delete("", namespace)).toThrow("an object's name is needed");
  expect(() => resource.delete("x")).toThrow("a namespace is needed");
  expect(() => resource.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } })).toThrow(
    "metadata.namespace is needed",
  );
});

test("lists are paged from one snapshot, and selected", async () => {
  const resource = lane.client.resource(configMaps);
  for (let i = 0; i < 7; i++) await resource.create(configMap(`page-${i}`, {}, { paged: i < 5 ? "yes" : "no" }));
  const first = await resource.list({ namespace, labelSelector: "paged=yes", limit: 2 });
  expect(first.items.map((item) => item.metadata.name)).toEqual(["page-0", "page-1"]);
  expect(first.items[0]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
  await resource.delete("page-4", namespace);
  const rest = await resource.list({
    namespace,
    labelSelector: "paged=yes",
    limit: 10,
    continue: first.metadata.continue as string,
  });
  expect(rest.items.map((item) => item.metadata.name)).toEqual(["page-2", "page-3", "page-4"]);
  expect(rest.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  const all = await resource.listAll({ namespace, labelSelector: "paged in (yes,no)", limit: 2 });
  expect(all.items).toHaveLength(6);
  expect(all.metadata).toEqual({ resourceVersion: expect.any(String) });
  await resource.deleteCollection({ namespace, labelSelector: "paged" });
  expect((await resource.list({ namespace, labelSelector: "paged" })).items).toEqual([]);
});

test("a watch tells what happens after a version, in order", async () => {
  const resource = lane.client.resource(configMaps);
  const { metadata } = await resource.list({ namespace });
  const made = await resource.create(configMap("watched", { a: "1" }));
  await resource.patch("watched", namespace, { data: { a: "2" } }, { type: "merge" });
  await resource.delete("watched", namespace);
  const seen: string[] = [];
  for await (const { type, object } of resource.watch({
    namespace,
    fieldSelector: "metadata.name=watched",
    resourceVersion: metadata.resourceVersion as string,
  })) {
    expect(object.metadata.uid).toBe(made.metadata.uid);
    seen.push(`${type} ${object["data"].a}`);
    if (type === "DELETED") break;
  }
  expect(seen).toEqual(["ADDED 1", "MODIFIED 2", "DELETED 2"]);
});

test("the status of a namespace and a service account's token are subresources", async () => {
  const own = await lane.client.resource(namespaces).get(namespace);
  const condition = { type: "Tested", status: "True", reason: "Test", message: "by a test" };
  const status = { ...own["status"], conditions: [condition] };
  const updated = await lane.client.resource(namespaces).updateStatus({ ...own, status });
  expect(updated["status"].conditions[0]).toMatchObject(condition);
  const token = await lane.client
    .resource(serviceAccounts)
    .createSubresource<KubeObject>("default", namespace, "token", {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {},
    });
  expect(token["status"].token.split(".")).toHaveLength(3);
});

test("discovery tells which resource serves a kind, also of a kind that comes later", async () => {
  expect(await lane.client.resourceFor("apps/v1", "Deployment")).toEqual(deployments);
  expect(await lane.client.resourceFor("v1", "ConfigMap")).toEqual(configMaps);
  expect((await lane.client.resources()).length).toBeGreaterThan(20);
  const [group, kind] = [`${namespace}.example.com`, "Thing"];
  await expect(lane.client.resourceFor(`${group}/v1`, kind)).rejects.toThrow(NoMatchError);

  const definitions = lane.client.resource(customResourceDefinitions);
  const definition = await definitions.create({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `things.${group}` },
    spec: {
      group,
      names: { plural: "things", singular: "thing", kind, listKind: "ThingList" },
      scope: "Namespaced",
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  });
  for await (const { object } of definitions.watch({ fieldSelector: `metadata.name=things.${group}` })) {
    const conditions: { type: string; status: string }[] = object["status"]?.conditions ?? [];
    if (conditions.some(({ type, status }) => type === "Established" && status === "True")) break;
  }
  await expect
    .poll(() => lane.client.resourceFor(`${group}/v1`, kind).catch(() => undefined))
    .toEqual({ group, version: "v1", resource: "things", kind, namespaced: true });

  // Fields nobody knows survive, also integers that a double cannot hold.
  const things = lane.client.resource(await lane.client.resourceFor(`${group}/v1`, kind));
  const thing = {
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name: "t", namespace },
    unknown: { big: 9007199254740993n, list: [{ a: null }, 1.5] },
  };
  await things.create(thing);
  expect(await things.get("t", namespace)).toMatchObject(thing);
  await definitions.delete(definition.metadata.name as string);
});

test("raw requests give the answer whatever it is", async () => {
  const answer = await lane.client.rawRequest("GET", "/readyz");
  expect([answer.status, await answer.text()]).toEqual([200, "ok"]);
  expect((await lane.client.rawRequest("GET", "/no/such/path")).status).toBe(404);
  expect(await lane.client.request("GET", "/version")).toMatchObject({ major: "1" });
});
