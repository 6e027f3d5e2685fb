import { configMaps, customResourceDefinitions, type ResourceClient, untilEstablished } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { caBundle, webhookUrl } from "../../admission/cases.ts";
import type { WebhookServer } from "../../admission/webhook-server.ts";
import { type Lane, openLane } from "../../lane.ts";
import type { Json } from "../requests.ts";
import { twoVersions } from "./two-versions.ts";
import { startConversionServer } from "./webhook-server.ts";

let lane: Lane;
let namespace: string;
let webhook: WebhookServer;
const made: string[] = [];
beforeAll(async () => {
  lane = await openLane({ nodes: 0, operator: false });
  namespace = await lane.namespace("conversion");
  webhook = await startConversionServer();
});
afterAll(async () => {
  for (const name of made) await lane.client.resource(customResourceDefinitions).delete(name);
  await lane?.close();
  await webhook?.close();
});

type Widget = KubeObject & { spec: Json };

/** Widgets in both versions, in a group of the test's own. */
async function widgets(group: string, path: string): Promise<[v1: ResourceClient<Widget>, v2: ResourceClient<Widget>]> {
  const text = JSON.stringify(twoVersions(group, path))
    .replaceAll(webhookUrl, webhook.url)
    .replaceAll(caBundle, webhook.caBundle);
  const name = `widgets.${group}`;
  await lane.client.resource(customResourceDefinitions).create(JSON.parse(text));
  made.push(name);
  await untilEstablished(lane.client, name);
  const of = (version: string) =>
    lane.client.resource<Widget>({ group, version, resource: "widgets", kind: "Widget", namespaced: true });
  const [v1, v2] = [of("v1"), of("v2")];
  await vi.waitFor(() => v1.list({ namespace }), { timeout: 20_000 });
  return [v1, v2];
}

function widget(client: ResourceClient<Widget>, name: string, spec: Json): Widget {
  return { apiVersion: client.apiVersion, kind: "Widget", metadata: { name, namespace }, spec };
}

test("watches of both versions see every change in order, each in its version", async () => {
  const [v1, v2] = await widgets("watched.example.com", "convert");
  const { resourceVersion = "" } = (await v2.list({ namespace })).metadata;
  const seen = async (client: ResourceClient<Widget>, field: string): Promise<string[]> => {
    const events: string[] = [];
    for await (const { type, object } of client.watch({ namespace, resourceVersion, timeoutSeconds: 50 })) {
      expect(object.apiVersion).toBe(client.apiVersion);
      events.push(`${type} ${object.metadata.name} ${(object as Widget).spec[field]}`);
      if (type === "DELETED") break;
    }
    return events;
  };
  const watching = [seen(v1, "size"), seen(v2, "capacity"), seen(v2, "capacity")];

  await v2.create(widget(v2, "a", { capacity: 0 }));
  for (let size = 1; size <= 10; size++) await v1.patch("a", namespace, { spec: { size } }, { type: "merge" });
  await v2.delete("a", namespace);

  const numbers = Array.from({ length: 10 }, (_, index) => index + 1);
  const expected = ["ADDED a 0", ...numbers.map((n) => `MODIFIED a ${n}`), "DELETED a 10"];
  for (const events of await Promise.all(watching)) expect(events).toEqual(expected);
});

test("kubectl works with both versions", async () => {
  const [v1, v2] = await widgets("kubectl.example.com", "convert");
  const apply = (object: Widget, ...args: string[]) =>
    lane.kubectl(["apply", "-f", "-", ...args], JSON.stringify(object));
  const get = (version: string, ...args: string[]) =>
    lane.kubectl(["-n", namespace, "get", `widgets.${version}.kubectl.example.com`, ...args]);

  expect((await apply(widget(v2, "a", { capacity: 1, note: "n" }))).stdout).toBe(
    "widget.kubectl.example.com/a created\n",
  );
  expect((await get("v1", "a", "-o", "jsonpath={.spec.size}")).stdout).toBe("1");
  expect((await get("v1")).stdout).toBe("NAME   SIZE\na      1\n");
  expect((await apply(widget(v2, "a", { capacity: 2 }))).stdout).toBe("widget.kubectl.example.com/a configured\n");
  expect((await v1.get("a", namespace)).spec).toEqual({ size: 2 });
  expect((await get("v2")).stdout).toBe("NAME   SIZE\na      2\n");

  await apply(widget(v1, "b", { size: 1 }), "--server-side", "--field-manager=one");
  const refused = await apply(widget(v2, "b", { capacity: 2 }), "--server-side", "--field-manager=two");
  expect(refused.stderr).toContain('error: Apply failed with 1 conflict: conflict with "one": .spec.size\n');
  expect((await lane.kubectl(["-n", namespace, "delete", "widgets.v2.kubectl.example.com", "--all"])).code).toBe(0);
  expect((await v1.list({ namespace })).items).toEqual([]);
});

test("a webhook that is away is in nobody's way but its own version's", async () => {
  const group = "away-scenario.example.com";
  const [v1, v2] = await widgets(group, "https://127.0.0.1:1/convert");
  await v1.create(widget(v1, "a", { size: 1 }));
  expect((await v1.list({ namespace })).items).toHaveLength(1);
  await v1.patch("a", namespace, { spec: { size: 2 } }, { type: "merge" });
  await lane.client
    .resource(configMaps)
    .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c", namespace }, data: {} } as KubeObject);

  const maps = lane.client.resource(configMaps);
  const owner = await maps.get("c", namespace);
  const { name = "", uid = "" } = owner.metadata;
  const ownerReferences = [{ apiVersion: "v1", kind: "ConfigMap", name, uid }];
  const metadata = { name: "owned", namespace, ownerReferences };
  await maps.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: {} } as KubeObject);
  await maps.delete("c", namespace);
  await vi.waitFor(() => expect(maps.get("owned", namespace)).rejects.toThrow("not found"), { timeout: 40_000 });

  const away = `conversion webhook for ${group}/v1, Kind=Widget failed: Post "https://127.0.0.1:1/convert?timeout=30s": dial tcp 127.0.0.1:1: connect: connection refused`;
  await expect(v2.get("a", namespace)).rejects.toThrow(away);
  const { code, stderr } = await lane.kubectl(["-n", namespace, "get", `widgets.v2.${group}`, "a"]);
  expect(code).toBe(1);
  expect(stderr).toBe(`Error from server: ${away}\n`);
  await v1.delete("a", namespace);
});

test("nobody is asked for objects that have the version", async () => {
  const [v1] = await widgets("unasked.example.com", "close");
  await v1.create(widget(v1, "a", { size: 1 }));
  await v1.update({ ...(await v1.get("a", namespace)), spec: { size: 2 } });
  await v1.patch("a", namespace, widget(v1, "a", { note: "n" }), { type: "apply", fieldManager: "one" });
  expect((await v1.list({ namespace })).items.map(({ spec }) => spec)).toEqual([{ size: 2, note: "n" }]);
  for await (const { type } of v1.watch({ namespace, timeoutSeconds: 20 })) {
    expect(type).toBe("ADDED");
    break;
  }
  await v1.delete("a", namespace);
});
