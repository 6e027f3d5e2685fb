import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  events,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  statefulSets,
  storageClasses,
} from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test, vi } from "vitest";
import type { Pod, PodVolume } from "../../kinds.ts";
import { startCluster } from "../../start-cluster.ts";
import { podOf } from "../../testing/objects.ts";
import { until, untilGone } from "../../testing/until.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "./kinds.ts";
import { localFolders } from "./local-folders.ts";

function claim(name: string, spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: "default" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "3Gi" } }, ...spec },
  };
}

const isBound = (object: PersistentVolumeClaim): boolean => object.status?.phase === "Bound";
const withClaim = (name: string, claimName: string): Pod =>
  podOf(name, [{}], {
    terminationGracePeriodSeconds: 1,
    volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
  });

test("a claim without a class gets a volume of the default one, when a pod wants it", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const made = await client.resource(persistentVolumeClaims).create(claim("data"));
  expect(made["spec"].storageClassName).toBe("standard");
  expect((await client.resource(storageClasses).get("standard"))["volumeBindingMode"]).toBe("WaitForFirstConsumer");
  await client.resource(pods).create(withClaim("p", "data"));
  await until<Pod>(client, pods, "p", (pod) => pod.status?.phase === "Running");
  const bound = await until<PersistentVolumeClaim>(client, persistentVolumeClaims, "data", isBound);
  expect(bound.metadata.annotations?.["volume.kubernetes.io/selected-node"]).toBe("node-1");
  expect(bound.status?.capacity).toEqual({ storage: "3Gi" });
  const name = bound.spec.volumeName ?? "";
  expect(name).toBe(`pvc-${made.metadata.uid}`);
  const volume = await client.resource<PersistentVolume>(persistentVolumes).get(name);
  expect(volume.metadata.annotations?.["pv.kubernetes.io/provisioned-by"]).toBe("podwright.dev/local");
  expect(volume.spec).toMatchObject({
    capacity: { storage: "3Gi" },
    persistentVolumeReclaimPolicy: "Delete",
    storageClassName: "standard",
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [
          { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["node-1"] }] },
        ],
      },
    },
  });

  await client.resource(pods).delete("p", "default");
  await client.resource(persistentVolumeClaims).delete("data", "default");
  await untilGone(client, persistentVolumeClaims, "data");
  await untilGone(client, persistentVolumes, name);
});

test("pods of a StatefulSet stay with their volumes", async () => {
  await using cluster = await startCluster({ nodes: 2 });
  const { client } = cluster;
  await client.resource(statefulSets).create({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default" },
    spec: {
      replicas: 2,
      serviceName: "db",
      selector: { matchLabels: { app: "db" } },
      template: {
        metadata: { labels: { app: "db" } },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: "main", image: "db:1" }] },
      },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claim("").spec }],
    },
  } as KubeObject);
  await until(client, statefulSets, "db", ({ status }) => status?.availableReplicas === 2);
  const before = await client.resource<Pod>(pods).get("db-1", "default");
  const owned = await client.resource<PersistentVolumeClaim>(persistentVolumeClaims).get("data-db-1", "default");
  expect(owned.status?.phase).toBe("Bound");
  await client.resource(pods).delete("db-1", "default");
  const after = await until<Pod>(
    client,
    pods,
    "db-1",
    ({ metadata, status }) => metadata.uid !== before.metadata.uid && status?.phase === "Running",
  );
  expect(after.spec.nodeName).toBe(before.spec.nodeName);
});

test("a class that binds at once needs no pod", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.resource(storageClasses).create({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "now" },
    provisioner: "podwright.dev/local",
  });
  await client.resource(persistentVolumeClaims).create(claim("data", { storageClassName: "now" }));
  const bound = await until<PersistentVolumeClaim>(client, persistentVolumeClaims, "data", isBound);
  const volume = await client.resource<PersistentVolume>(persistentVolumes).get(bound.spec.volumeName ?? "");
  expect(volume.spec.nodeAffinity).toBeUndefined();
});

test("a cluster stops while a pod waits for a volume that nobody makes", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.resource(storageClasses).create({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "far" },
    provisioner: "example.com/far",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  await client.resource(persistentVolumeClaims).create(claim("data", { storageClassName: "far" }));
  await client.resource(pods).create(withClaim("p", "data"));
  const selected = "volume.kubernetes.io/selected-node";
  await until(client, persistentVolumeClaims, "data", ({ metadata }) => metadata.annotations?.[selected] === "node-1");
});

test("a volume of the pod's own gets its claim, which goes with the pod", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const volumeClaimTemplate = { metadata: { labels: { of: "p" } }, spec: claim("").spec };
  const volumes = [{ name: "scratch", ephemeral: { volumeClaimTemplate } }] as unknown as PodVolume[];
  const pod = podOf("p", [{}], { terminationGracePeriodSeconds: 1, volumes });
  await client.resource(pods).create(pod);
  await until<Pod>(client, pods, "p", ({ status }) => status?.phase === "Running");
  const made = await until<PersistentVolumeClaim>(client, persistentVolumeClaims, "p-scratch", isBound);
  expect(made.metadata.labels).toEqual({ of: "p" });
  expect(made.metadata.ownerReferences).toMatchObject([{ kind: "Pod", name: "p", controller: true }]);
  await client.resource(pods).delete("p", "default");
  await untilGone(client, persistentVolumeClaims, "p-scratch");
  await untilGone(client, persistentVolumes, made.spec.volumeName ?? "");
});

test("a claim of that name that is somebody else's is left alone, and that is told", async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.resource(persistentVolumeClaims).create(claim("p-scratch"));
  const volumes = [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: claim("").spec } } }];
  await client.resource(pods).create(podOf("p", [{}], { volumes: volumes as unknown as PodVolume[] }));
  const told = "ephemeral volume scratch: PVC default/p-scratch was not created for pod default/p (pod is not owner)";
  await vi.waitFor(
    async () => {
      const { items } = await client.resource(events).list({ namespace: "default" });
      expect(items.map((event) => event["message"])).toContain(told);
    },
    { timeout: 20_000 },
  );
});

test("the folder of a volume goes with it, and no other", async () => {
  const directory = await mkdtemp(join(tmpdir(), "podwright-local-"));
  try {
    const folders = localFolders(directory);
    await mkdir(join(directory, "pvc-1", "data"), { recursive: true });
    await folders.remove(join(directory, "pvc-1"));
    await folders.remove(join(directory, "pvc-1"));
    expect(await readdir(directory)).toEqual([]);
    for (const path of [directory, "/etc", join(directory, "a", "b"), join(directory, "..")]) {
      await expect(folders.remove(path)).rejects.toThrow("is none of the folders");
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
