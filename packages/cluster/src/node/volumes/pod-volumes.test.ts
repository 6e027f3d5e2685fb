import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, configMaps, pods, secrets } from "@podwright/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Container, Pod } from "../../kinds.ts";
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
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

test("a ConfigMap becomes files, with items and modes, and follows its changes", async () => {
  const name = await node.createObject("ConfigMap", { data: { a: "1", b: "2" }, binaryData: { c: "AAE=" } });
  const pod = await node.createPod([
    { name: "all", configMap: { name } },
    { name: "some", configMap: { name, defaultMode: 0o400, items: [{ key: "a", path: "x/y", mode: 0o755 }] } },
  ]);
  await node.volumes.setUp(pod);
  expect([await node.text(pod, "all", "a"), await node.text(pod, "all", "b")]).toEqual(["1", "2"]);
  expect(await readFile(node.fileOf(pod, "all", "c"))).toEqual(Buffer.from([0, 1]));
  expect(await node.text(pod, "some", "x", "y")).toBe("1");
  expect(await modeOf(node.fileOf(pod, "some", "x", "y"))).toBe(0o755);
  expect((await readdir(node.fileOf(pod, "some"))).filter((file) => !file.startsWith(".."))).toEqual(["x"]);

  await client.resource(configMaps).patch(name, "default", { data: { a: "new", b: null } }, { type: "merge" });
  await vi.waitFor(async () => expect(await node.text(pod, "some", "x", "y")).toBe("new"), wait);
  await expect(stat(node.fileOf(pod, "all", "b"))).rejects.toThrow("ENOENT");
  expect(node.changed).toContain(pod.metadata.uid);
});

test("the token, the authority and the namespace that every pod gets", async () => {
  const pod = await node.createPod([]);
  const name = pod.spec.volumes?.[0]?.name ?? "";
  expect(name).toMatch(/^kube-api-access-/);
  await node.volumes.setUp(pod);
  expect((await readdir(node.fileOf(pod, name))).filter((file) => !file.startsWith("..")).sort()).toEqual([
    "ca.crt",
    "namespace",
    "token",
  ]);
  expect(await node.text(pod, name, "namespace")).toBe("default");
  expect(await node.text(pod, name, "ca.crt")).toBe(cluster.ca);
  const claims = JSON.parse(
    Buffer.from((await node.text(pod, name, "token")).split(".")[1] ?? "", "base64url").toString(),
  );
  expect(claims["kubernetes.io"].pod).toEqual({ name: pod.metadata.name, uid: pod.metadata.uid });
  const mounts = await node.volumes.containerMounts(pod, pod.spec.containers[0] as Container, {
    env: [],
    podIps: ["10.0.0.9"],
    attempt: 0,
  });
  expect(mounts.map(({ containerPath, readOnly }) => [containerPath, readOnly])).toEqual([
    ["/var/run/secrets/kubernetes.io/serviceaccount", true],
    ["/etc/hosts", false],
    ["/dev/termination-log", false],
  ]);
  expect(await readFile(mounts[1]?.hostPath ?? "", "utf8")).toContain(`10.0.0.9\t${pod.metadata.name}\n`);
  expect(await modeOf(mounts[2]?.hostPath ?? "")).toBe(0o666);
});

test("labels are files, and change with the pod", async () => {
  const downwardAPI = {
    items: [
      { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
      { path: "cpu", resourceFieldRef: { containerName: "c0", resource: "limits.cpu" } },
    ],
  };
  const pod = await node.createPod([{ name: "pod", downwardAPI }]);
  await node.volumes.setUp(pod);
  expect([await node.text(pod, "pod", "labels"), await node.text(pod, "pod", "cpu")]).toEqual(['app="one"', "4"]);
  const { name = "" } = pod.metadata;
  const labels = { metadata: { labels: { app: "two" } } };
  node.volumes.update(await client.resource<Pod>(pods).patch(name, "default", labels, { type: "merge" }));
  await vi.waitFor(async () => expect(await node.text(pod, "pod", "labels")).toBe('app="two"'), wait);
});

describe.skipIf(process.getuid?.() !== 0)("as root", () => {
  test("fsGroup owns the files, and tokens are for it alone", async () => {
    const name = await node.createObject("Secret", { stringData: { k: "v" } });
    const pod = await node.createPod(
      [
        { name: "sec", secret: { secretName: name, defaultMode: 0o400 } },
        { name: "tmp", emptyDir: {} },
      ],
      { securityContext: { fsGroup: 4242 } } as object,
    );
    await node.volumes.setUp(pod);
    const token = node.fileOf(pod, pod.spec.volumes?.[2]?.name ?? "", "token");
    for (const file of [node.fileOf(pod, "sec", "k"), node.fileOf(pod, "tmp"), token])
      expect((await stat(file)).gid).toBe(4242);
    expect(await modeOf(node.fileOf(pod, "sec", "k"))).toBe(0o440);
    expect(await modeOf(token)).toBe(0o640);
    expect(await modeOf(node.fileOf(pod, "tmp"))).toBe(0o2777);
    await client.resource(secrets).patch(name, "default", { stringData: { k: "2" } }, { type: "merge" });
    await vi.waitFor(async () => expect(await node.text(pod, "sec", "k")).toBe("2"), wait);
    expect((await stat(node.fileOf(pod, "sec", "k"))).gid).toBe(4242);
  });
});

test("a part of a volume, by its name and by variables", async () => {
  const pod = await node.createPod(
    [{ name: "v", emptyDir: {} }],
    {},
    {
      volumeMounts: [
        { name: "v", mountPath: "/a", subPath: "in/a" },
        { name: "v", mountPath: "/b", subPathExpr: "$(WHO)", readOnly: true },
      ],
    },
  );
  await node.volumes.setUp(pod);
  const container = pod.spec.containers[0] as Container;
  const options = { podIps: ["10.0.0.9"], attempt: 0 };
  const mounts = await node.volumes.containerMounts(pod, container, {
    env: [{ name: "WHO", value: "me" }],
    ...options,
  });
  await writeFile(join(mounts[0]?.hostPath ?? "", "f"), "x");
  expect(await node.text(pod, "v", "in", "a", "f")).toBe("x");
  expect((await stat(node.fileOf(pod, "v", "me"))).isDirectory()).toBe(true);
  expect(mounts[1]).toMatchObject({ containerPath: "/b", readOnly: true, propagation: "None" });
  await expect(node.volumes.containerMounts(pod, container, { env: [], ...options })).rejects.toMatchObject({
    reason: "CreateContainerConfigError",
    message: "missing value for WHO",
  });
  const escaping = { ...container, volumeMounts: [{ name: "v", mountPath: "/x", subPath: "a/../../b" }] };
  await expect(node.volumes.containerMounts(pod, escaping, { env: [], ...options })).rejects.toThrow(
    "unable to provision SubPath `a/../../b`: must not contain '..'",
  );
});

test("a kind of volume that the node has not is said", async () => {
  const pod = await node.createPod([{ name: "far", nfs: { server: "x", path: "/" } }]);
  await expect(node.volumes.setUp(pod)).rejects.toThrow(
    'MountVolume.SetUp failed for volume "far" : volumes of type nfs are not supported on this node',
  );
});
