import { events, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test, vi } from "vitest";
import { openScene } from "./scene.ts";

const { client, namespace, until, untilGone } = await openScene("volumes");

/** Volumes and classes belong to no namespace. */
const own = (name: string): string => `${namespace}-${name}`;

function volume(name: string, spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: own(name) },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path: `/tmp/${name}` },
      ...spec,
    },
  };
}

function claim(name: string, spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: own("hand-made"),
      ...spec,
    },
  };
}

function podWith(name: string, claimName: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: "app:1", volumeMounts: [{ name: "data", mountPath: "/data" }] }],
      volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
    },
  };
}

const make = {
  volume: (object: KubeObject) => client.resource(persistentVolumes).create(object),
  claim: (object: KubeObject) => client.resource(persistentVolumeClaims).create(object),
  pod: (object: KubeObject) => client.resource(pods).create(object),
};
const claimReaches = (name: string, wanted: (object: KubeObject) => boolean) =>
  until(persistentVolumeClaims, name, wanted);
const volumeReaches = (name: string, phase: string) =>
  until(persistentVolumes, own(name), ({ status }) => status?.phase === phase);
const isBound = ({ status }: KubeObject): boolean => status?.phase === "Bound";
const isRunning = ({ status }: KubeObject): boolean => status?.phase === "Running";
const unschedulable = async (name: string): Promise<string> => {
  const because = ({ status }: KubeObject) =>
    (status?.conditions ?? []).find((each: { reason?: string }) => each.reason === "Unschedulable");
  return because(await until(pods, name, (pod) => because(pod) !== undefined)).message;
};
const preemption = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";

test("a claim gets the smallest volume that is large enough, and keeps it", async () => {
  const storageClassName = own("hand-made");
  await make.volume(volume("small", { capacity: { storage: "512Mi" }, storageClassName }));
  await make.volume(volume("large", { capacity: { storage: "20Gi" }, storageClassName }));
  await make.volume(volume("fitting", { capacity: { storage: "2Gi" }, storageClassName }));
  await make.volume(volume("of-no-class", { capacity: { storage: "1Gi" } }));
  for (const name of ["small", "large", "fitting", "of-no-class"]) await volumeReaches(name, "Available");
  const { metadata } = await make.claim(claim("sized"));
  expect(metadata.finalizers).toEqual(["kubernetes.io/pvc-protection"]);
  const bound = await claimReaches("sized", isBound);
  expect(bound["spec"].volumeName).toBe(own("fitting"));
  expect(bound.metadata.annotations).toEqual({
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
  });
  expect(bound["status"]).toEqual({ phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "2Gi" } });
  const taken = await volumeReaches("fitting", "Bound");
  expect(taken["spec"].claimRef).toMatchObject({ kind: "PersistentVolumeClaim", name: "sized", namespace });
  expect(taken["spec"].claimRef.uid).toBe(metadata.uid);
  expect(taken.metadata.finalizers).toEqual(["kubernetes.io/pv-protection"]);
});

test("a volume that was kept for a claim goes to no other", async () => {
  const storageClassName = own("kept");
  await make.volume(volume("kept", { storageClassName, claimRef: { namespace, name: "later" } }));
  await volumeReaches("kept", "Available");
  await make.claim(claim("other", { storageClassName }));
  await make.claim(claim("later", { storageClassName }));
  const later = await claimReaches("later", isBound);
  expect(later["spec"].volumeName).toBe(own("kept"));
  expect((await client.resource(persistentVolumeClaims).get("other", namespace))["status"].phase).toBe("Pending");
});

test("a pod waits for its claim", async () => {
  await make.pod(podWith("early", "absent"));
  expect(await unschedulable("early")).toBe(
    `0/1 nodes are available: persistentvolumeclaim "absent" not found. not found`,
  );
  const storageClassName = own("slow");
  await make.claim(claim("absent", { storageClassName }));
  const unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
  await until(pods, "early", ({ status }) => status.conditions[0].message === unbound);
  await make.volume(volume("slow", { storageClassName }));
  await until(pods, "early", isRunning);
});

test("with WaitForFirstConsumer the pod's node decides on the volume", async () => {
  const storageClassName = own("late");
  await client.resource(storageClasses).create({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: storageClassName },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  const onNode = (value: string) => ({
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [value] }] }],
    },
  });
  await make.volume(volume("elsewhere", { storageClassName, nodeAffinity: onNode("elsewhere") }));
  await volumeReaches("elsewhere", "Available");
  await make.claim(claim("late", { storageClassName }));
  await vi.waitFor(
    async () => {
      const told = (await client.resource(events).list({ namespace, fieldSelector: "involvedObject.name=late" })).items;
      expect(told.map((event) => `${event["reason"]}: ${event["message"]}`)).toContain(
        "WaitForFirstConsumer: waiting for first consumer to be created before binding",
      );
    },
    { timeout: 20_000 },
  );
  await make.pod(podWith("first", "late"));
  expect(await unschedulable("first")).toBe(
    `0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind. no new claims to deallocate, ${preemption}`,
  );
  await make.volume(volume("anywhere", { storageClassName }));
  const { metadata } = await until(pods, "first", isRunning);
  expect(metadata.name).toBe("first");
  expect((await claimReaches("late", isBound))["spec"].volumeName).toBe(own("anywhere"));
});

test("a claim stays while a pod uses it, its volume is released then", async () => {
  const storageClassName = own("used");
  await make.volume(volume("used", { storageClassName }));
  await make.claim(claim("used", { storageClassName }));
  await claimReaches("used", isBound);
  await make.pod(podWith("user", "used"));
  await until(pods, "user", isRunning);
  await client.resource(persistentVolumes).delete(own("used"));
  await client.resource(persistentVolumeClaims).delete("used", namespace);
  const going = await client.resource(persistentVolumeClaims).get("used", namespace);
  expect(going.metadata.deletionTimestamp).toBeDefined();
  await client.resource(pods).delete("user", namespace);
  await untilGone(persistentVolumeClaims, "used");
  await untilGone(persistentVolumes, own("used"));
});

test("a volume that is to stay is released, and goes to nobody", async () => {
  const storageClassName = own("retained");
  await make.volume(volume("retained", { storageClassName }));
  await make.claim(claim("retained", { storageClassName }));
  await claimReaches("retained", isBound);
  await client.resource(persistentVolumeClaims).delete("retained", namespace);
  await volumeReaches("retained", "Released");
});

test("a claim whose volume is gone is lost", async () => {
  const storageClassName = own("lost");
  const finalizers = { metadata: { finalizers: null } };
  await make.volume(volume("lost", { storageClassName }));
  await make.claim(claim("lost", { storageClassName }));
  await claimReaches("lost", isBound);
  await volumeReaches("lost", "Bound");
  await client.resource(persistentVolumes).delete(own("lost"));
  await client.resource(persistentVolumes).patch(own("lost"), undefined, finalizers, { type: "merge" });
  await claimReaches("lost", ({ status }) => status.phase === "Lost");
});
