import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, configMaps, HttpTransport, loadKubeconfig, namespaces, nodes, pods } from "@podwright/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Node, Pod } from "./kinds.ts";
import { startCluster } from "./start-cluster.ts";
import { podOf } from "./testing/objects.ts";
import { until } from "./testing/until.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "podwright-cluster-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const isRunning = (pod: Pod) => pod.status?.phase === "Running";

test("a cluster in memory runs a pod", async () => {
  await using cluster = await startCluster();
  await cluster.client.resource<Pod>(pods).create(podOf("p", [{}]));
  const pod = await until<Pod>(cluster.client, pods, "p", isRunning);
  expect(pod.spec.nodeName).toBe("node-1");
});

test("many clusters in one process know nothing of each other", async () => {
  const clusters = await Promise.all(Array.from({ length: 8 }, () => startCluster()));
  try {
    await Promise.all(
      clusters.map(({ client }, index) =>
        client
          .resource(configMaps)
          .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: `of-${index}`, namespace: "default" } }),
      ),
    );
    for (const [index, { client }] of clusters.entries()) {
      const names = (await client.resource(configMaps).list({ namespace: "default" })).items.map(
        (item) => item.metadata.name,
      );
      expect(names.filter((name) => name !== "kube-root-ca.crt")).toEqual([`of-${index}`]);
    }
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
});

test("every namespace gets its service account and the authority's certificate", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  await cluster.client
    .resource(namespaces)
    .create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "fresh" } });
  const root = await until(cluster.client, configMaps, "kube-root-ca.crt", () => true, "fresh");
  expect(root["data"]).toEqual({ "ca.crt": cluster.ca });
});

test("other servers of the API learn which authority vouches for users", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const config = await cluster.client.resource(configMaps).get("extension-apiserver-authentication", "kube-system");
  expect(config["data"]).toEqual({ "client-ca-file": cluster.ca });
});

test("it listens, and the kubeconfig it writes opens it", async () => {
  const kubeconfigPath = join(folder, "kubeconfig");
  await using cluster = await startCluster({ port: 0, kubeconfigPath, nodes: 3 });
  expect(await readFile(kubeconfigPath, "utf8")).toBe(cluster.kubeconfig);
  const client = new Client(new HttpTransport(loadKubeconfig({ path: kubeconfigPath })));
  try {
    const list = await client.resource<Node>(nodes).list();
    expect(list.items.map((node) => node.metadata.name)).toEqual(["node-1", "node-2", "node-3"]);
  } finally {
    await client.close();
  }
});

test("a port in use is told with its code, and nothing is left behind", async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(0, "127.0.0.1", resolve));
  const { port } = squatter.address() as { port: number };
  const dataDir = join(folder, "data");
  await expect(startCluster({ port, dataDir })).rejects.toMatchObject({ code: "EADDRINUSE" });
  await new Promise((resolve) => squatter.close(resolve));
  const cluster = await startCluster({ port, dataDir });
  await cluster.stop();
});

test("a cluster with a data directory goes on where it was: its pods run on, and starting writes nothing", async () => {
  const dataDir = join(folder, "data");
  const first = await startCluster({ dataDir });
  await first.client.resource<Pod>(pods).create(podOf("p", [{}]));
  const before = await until<Pod>(first.client, pods, "p", isRunning);
  await first.stop();

  const second = await startCluster({ dataDir });
  const { metadata } = await second.client.resource(pods).list({ namespace: "default" });
  await second.stop();

  await using third = await startCluster({ dataDir });
  const list = await third.client.resource<Pod>(pods).list({ namespace: "default" });
  expect(list.metadata.resourceVersion).toBe(metadata.resourceVersion);
  expect(list.items).toHaveLength(1);
  expect(list.items[0]?.status).toEqual(before.status);
  // And it is alive: the node still answers for it.
  await third.client.resource(pods).delete("p", "default", { gracePeriodSeconds: 1 });
});
