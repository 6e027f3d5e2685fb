import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pods } from "@podwright/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Pod } from "../../kinds.ts";
import { type Cluster, startCluster } from "../../start-cluster.ts";
import { type RunningNodes, startNodes } from "../start-nodes.ts";

let cluster: Cluster;
let nodes: RunningNodes;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pw-static-"));
  cluster = await startCluster({ nodes: 0 });
  nodes = await startNodes({
    client: cluster.client,
    nodes: 1,
    names: ["n"],
    staticPodPath: folder,
    kubeletServer: false,
  });
});
afterEach(async () => {
  await nodes.stop();
  await cluster.stop();
  await rm(folder, { recursive: true });
});

const manifest = (image: string): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c, image: "${image}"}]}}`;
const mirrors = async (): Promise<Pod[]> =>
  (await cluster.client.resource<Pod>(pods).list({ namespace: "default" })).items;
const running = (image: string) =>
  vi.waitFor(
    async () => {
      const [mirror] = await mirrors();
      expect(mirror?.status?.phase).toBe("Running");
      expect(mirror?.spec.containers[0]?.image).toBe(image);
      return mirror as Pod;
    },
    { timeout: 20_000 },
  );

test("a pod of a manifest runs, is shown, and outlives the deletion of what shows it", async () => {
  await writeFile(join(folder, "web.yaml"), manifest("a:1"));
  const mirror = await running("a:1");
  const { name, annotations = {}, ownerReferences } = mirror.metadata;
  expect(name).toBe("web-n");
  expect(annotations).toMatchObject({
    "kubernetes.io/config.source": "file",
    "kubernetes.io/config.mirror": annotations["kubernetes.io/config.hash"],
  });
  expect(ownerReferences).toMatchObject([{ kind: "Node", name: "n", controller: true }]);
  await cluster.client.resource(pods).delete("web-n", "default");
  await vi.waitFor(
    async () => {
      const again = await running("a:1");
      expect(again.metadata.uid).not.toBe(mirror.metadata.uid);
      const id = (pod: Pod) => pod.status?.containerStatuses?.[0]?.containerID;
      expect(id(again)).toBe(id(mirror));
    },
    { timeout: 20_000 },
  );
});

test("a manifest that changes is another pod, one that goes takes its pod with it, and a bad one does no harm", async () => {
  const path = join(folder, "web.yaml");
  await writeFile(join(folder, "bad.yaml"), "kind: Nothing");
  await writeFile(path, manifest("a:1"));
  await running("a:1");
  await writeFile(path, manifest("a:2"));
  await running("a:2");
  await rm(path);
  await vi.waitFor(async () => expect(await mirrors()).toEqual([]), { timeout: 20_000 });
});
