import { configMaps, InformerFactory, secrets } from "@podwright/client";
import { type Cluster, startCluster } from "@podwright/cluster";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ContentChange, ContentIndex } from "./content-index.ts";
import { contentKey } from "./content-key.ts";

let cluster: Cluster;
let informers: InformerFactory;
let content: ContentIndex;
beforeEach(async () => {
  cluster = await startCluster({ nodes: 0 });
  informers = new InformerFactory(cluster.client);
  content = new ContentIndex(informers, await contentKey(cluster.client));
  informers.start();
  await informers.synced();
});
afterEach(async () => {
  await informers.stop();
  await cluster.stop();
});

const secret = (name: string, stringData: Record<string, string>, type = "Opaque") =>
  cluster.client.resource(secrets).create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace: "default",
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(stringData), note: "x" },
    },
    type,
    stringData,
  });
const known = (name: string, kind: "Secret" | "ConfigMap" = "Secret") =>
  vi.waitFor(
    () => {
      const entry = content.get(kind, "default", name);
      expect(entry).toBeDefined();
      return entry as NonNullable<typeof entry>;
    },
    { timeout: 20_000 },
  );

test("no value stays in memory, only hashes", async () => {
  await secret("s", { password: "hunter2-hunter2" });
  const entry = await known("s");
  expect([...entry.keys.keys()]).toEqual(["password"]);
  expect(entry.keys.get("password")).toMatch(/^[\w-]{22}$/);
  expect(entry.annotations).toEqual({ note: "x" });
  const told = JSON.stringify([entry, ...entry.keys]);
  expect(told).not.toContain("hunter2");
  expect(told).not.toContain(Buffer.from("hunter2-hunter2").toString("base64"));
});

test("equal contents have equal hashes, in Secrets and ConfigMaps, text and binary", async () => {
  await secret("s", { a: "1", b: "2" });
  await cluster.client.resource(configMaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "c", namespace: "default" },
    data: { b: "2" },
    binaryData: { a: Buffer.from("1").toString("base64") },
  });
  expect((await known("c", "ConfigMap")).hash).toBe((await known("s")).hash);
});

test("helm's releases are left out", async () => {
  await secret("sh.helm.release.v1.x.v1", { release: "x" }, "helm.sh/release.v1");
  await secret("s", {});
  await known("s");
  expect(content.list("Secret", "default").map(({ name }) => name)).toEqual(["s"]);
});

test("changes are told with what was before, those of metadata as well", async () => {
  await secret("s", { a: "1" });
  const before = await known("s");
  const changes: ContentChange[] = [];
  const leave = content.onChange((change) => changes.push(change));
  expect(changes.find(({ name }) => name === "s")).toMatchObject({ kind: "Secret", entry: before });
  changes.length = 0;
  await cluster.client.resource(secrets).patch("s", "default", { metadata: { labels: { x: "y" } } }, { type: "merge" });
  await vi.waitFor(() => expect(changes).toHaveLength(1), { timeout: 20_000 });
  expect(changes[0]?.old).toBe(before);
  expect(changes[0]?.entry?.hash).toBe(before.hash);
  await cluster.client.resource(secrets).delete("s", "default");
  await vi.waitFor(() => expect(changes).toHaveLength(2), { timeout: 20_000 });
  expect(changes[1]?.entry).toBeUndefined();
  leave();
});

test("the key is made once, and stays", async () => {
  expect(await contentKey(cluster.client)).toEqual(await contentKey(cluster.client));
  expect(await contentKey(cluster.client)).toHaveLength(32);
});
