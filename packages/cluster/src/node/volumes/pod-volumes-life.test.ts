import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, configMaps, ManualClock, persistentVolumeClaims, persistentVolumes } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Cluster, startCluster } from "../../start-cluster.ts";
import { until } from "../../testing/until.ts";
import { openVolumeNode, type VolumeNode } from "./testing/volume-node.ts";

let cluster: Cluster;
let client: Client;
beforeAll(async () => {
  cluster = await startCluster({ nodes: 0 });
  client = cluster.client;
  await until(client, configMaps, "kube-root-ca.crt", () => true);
});
afterAll(() => cluster.stop());

let node: VolumeNode;
let count = 0;
beforeEach(async () => {
  node = await openVolumeNode(client, `v${count++}`);
});
afterEach(() => node.close());

const wait = { timeout: 20_000, interval: 10 };

test("what is missing is told as the kubelet tells it, and found as soon as it is there", async () => {
  const pod = await node.createPod([
    { name: "cfg", configMap: { name: "late" } },
    { name: "sec", secret: { secretName: "late", optional: true } },
  ]);
  await expect(node.volumes.setUp(pod)).rejects.toMatchObject({
    reason: "FailedMount",
    messages: ['MountVolume.SetUp failed for volume "cfg" : configmap "late" not found'],
  });
  await client.resource(configMaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "late", namespace: "default" },
    data: { k: "v" },
  });
  await vi.waitFor(() => expect(node.changed).toContain(pod.metadata.uid), wait);
  await node.volumes.setUp(pod);
  expect(await node.text(pod, "cfg", "k")).toBe("v");
});

test("keys that are missing are told too; a running pod keeps its files and the failure is told", async () => {
  const configMap = await node.createObject("ConfigMap", { data: { k: "v" } });
  const secret = await node.createObject("Secret", { stringData: { k: "v" } });
  const items = [{ key: "none", path: "p" }];
  const pod = await node.createPod([
    { name: "cfg", configMap: { name: configMap, items } },
    { name: "sec", secret: { secretName: secret, items } },
  ]);
  await expect(node.volumes.setUp(pod)).rejects.toMatchObject({
    messages: expect.arrayContaining([
      'MountVolume.SetUp failed for volume "cfg" : configmap references non-existent config key: none',
      'MountVolume.SetUp failed for volume "sec" : references non-existent secret key: none',
    ]),
  });
  const running = await node.createPod([{ name: "cfg", configMap: { name: configMap } }]);
  await node.volumes.setUp(running);
  await client.resource(configMaps).delete(configMap, "default");
  const message = `MountVolume.SetUp failed for volume "cfg" : configmap ${JSON.stringify(configMap)} not found`;
  await vi.waitFor(() => expect(node.failures).toContain(message), wait);
  expect(await node.text(running, "cfg", "k")).toBe("v");
});

test("a token is renewed when four fifths of its life are over", async () => {
  const clock = new ManualClock(Date.now());
  const volumes = node.agent({ clock });
  const sources = [{ serviceAccountToken: { path: "t", audience: "me", expirationSeconds: 600 } }];
  const pod = await node.createPod([{ name: "tok", projected: { sources } }], {
    automountServiceAccountToken: false,
  } as object);
  await volumes.setUp(pod);
  const before = await node.text(pod, "tok", "t");
  clock.advance(470_000);
  expect(await node.text(pod, "tok", "t")).toBe(before);
  // Tokens name their time in seconds: one of the same second would be the same.
  await new Promise((resolve) => setTimeout(resolve, 1100 - (Date.now() % 1000)));
  clock.advance(20_000);
  await vi.waitFor(async () => expect(await node.text(pod, "tok", "t")).not.toBe(before), wait);
  await volumes.stop();
});

test("a claim that is not there, one that is not bound, and one with its volume", async () => {
  const name = `claim${count++}`;
  const pod = await node.createPod([{ name: "data", persistentVolumeClaim: { claimName: name } }]);
  const failed =
    "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]";
  const why = `${failed}: error processing PVC default/${name}`;
  await expect(node.volumes.setUp(pod)).rejects.toThrow(
    `${why}: failed to fetch PVC from API server: persistentvolumeclaims "${name}" not found`,
  );
  await client.resource(persistentVolumeClaims).create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: "default" },
    spec: { storageClassName: "", accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
  await expect(node.volumes.setUp(pod)).rejects.toThrow(`${why}: PVC is not bound`);
  const path = join(node.root, "disk");
  await client.resource(persistentVolumes).create({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { "pv.beta.kubernetes.io/gid": "77" } },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path, type: "DirectoryOrCreate" },
    },
  });
  await until(client, persistentVolumeClaims, name, (claim) => claim["status"].phase === "Bound");
  await node.volumes.setUp(pod);
  expect((await stat(path)).isDirectory()).toBe(true);
  expect(node.volumes.supplementalGroups(pod)).toEqual([77]);
});

test("an agent takes up what the one before it made, and clears away what nobody knows", async () => {
  const name = await node.createObject("ConfigMap", { data: { k: "1" } });
  const pod = await node.createPod([
    { name: "cfg", configMap: { name } },
    { name: "tmp", emptyDir: {} },
    { name: "mem", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
  ]);
  const gone = await node.createPod([{ name: "mem", emptyDir: { medium: "Memory" } }]);
  await node.volumes.setUp(pod);
  await node.volumes.setUp(gone);
  for (const volume of ["tmp", "mem"]) await writeFile(node.fileOf(pod, volume, "kept"), "x");
  await node.volumes.stop();
  expect(node.objects.size).toBe(0);

  const next = node.agent();
  try {
    await next.sweep(new Set([pod.metadata.uid ?? ""]));
    expect(await readdir(join(node.root, "pods"))).toEqual([pod.metadata.uid]);
    await next.setUp(pod);
    for (const volume of ["tmp", "mem"]) expect(await node.text(pod, volume, "kept")).toBe("x");
    await client.resource(configMaps).patch(name, "default", { data: { k: "2" } }, { type: "merge" });
    await vi.waitFor(async () => expect(await node.text(pod, "cfg", "k")).toBe("2"), wait);
    await next.tearDown(pod.metadata.uid ?? "");
    expect(await readdir(join(node.root, "pods"))).toEqual([]);
    expect(node.objects.size).toBe(0);
  } finally {
    await next.stop();
  }
});

test("objects are watched once each, and those that cannot change not at all", async () => {
  const shared = await node.createObject("ConfigMap", { data: { k: "1" } });
  const fixed = await node.createObject("ConfigMap", { data: { k: "1" }, immutable: true });
  const spec = { automountServiceAccountToken: false } as object;
  const both = await Promise.all(
    Array.from({ length: 3 }, () =>
      node.createPod(
        [
          { name: "a", configMap: { name: shared } },
          { name: "b", configMap: { name: fixed } },
        ],
        spec,
      ),
    ),
  );
  await Promise.all(both.map((pod) => node.volumes.setUp(pod)));
  expect(node.objects.size).toBe(2);
  const read = await node.objects.get<KubeObject>(configMaps, "default", fixed);
  expect(read?.["data"]).toEqual({ k: "1" });
  for (const pod of both) await node.volumes.tearDown(pod.metadata.uid ?? "");
  expect(node.objects.size).toBe(0);
});

test("links and files of containers lead a removal nowhere", async () => {
  const pod = await node.createPod([{ name: "v", emptyDir: {} }]);
  await node.volumes.setUp(pod);
  const outside = join(node.root, "outside");
  await mkdir(outside);
  await writeFile(join(outside, "kept"), "x");
  await symlink(outside, node.fileOf(pod, "v", "link"));
  await node.volumes.tearDown(pod.metadata.uid ?? "");
  expect(await readFile(join(outside, "kept"), "utf8")).toBe("x");
});
