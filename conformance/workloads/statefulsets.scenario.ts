import { controllerRevisions, events, persistentVolumeClaims, pods, statefulSets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test, vi } from "vitest";
import { openScene, withImage, workload, workloadsOf } from "./scene.ts";

const scene = await openScene("statefulsets");
const { lane, client, namespace, until, untilGone } = scene;
const { create, change, reaches } = workloadsOf(scene, statefulSets);

const statefulSet = (name: string, spec: object = {}, pod: object = {}): KubeObject =>
  workload("StatefulSet", { name, namespace }, { serviceName: name, ...spec }, { pod });

function isComplete({ metadata, spec, status = {} }: KubeObject): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    status.replicas === spec.replicas &&
    (status.availableReplicas ?? 0) === spec.replicas &&
    (status.updatedReplicas ?? 0) === spec.replicas &&
    status.currentRevision === status.updateRevision
  );
}

async function podsOf(name: string): Promise<KubeObject[]> {
  const { items } = await client.resource(pods).list({ namespace, labelSelector: `app=${name}` });
  return items.sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
}

const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? "";
const imageOf = (pod: KubeObject): string => pod["spec"].containers[0].image;

async function revisionsOf(name: string): Promise<KubeObject[]> {
  const { items } = await client.resource(controllerRevisions).list({ namespace, labelSelector: `app=${name}` });
  return items.sort((a, b) => a["revision"] - b["revision"]);
}

/** What happened to objects of the set, in the order it happened: "ADDED web-0". */
async function historyOf(name: string, resourceVersion: string, last: string): Promise<string[]> {
  const seen: string[] = [];
  const options = { namespace, labelSelector: `app=${name}`, resourceVersion, timeoutSeconds: 30 };
  for await (const { type, object } of client.resource(pods).watch(options)) {
    if (type === "MODIFIED") continue;
    seen.push(`${type} ${nameOf(object)}`);
    if (seen.at(-1) === last) return seen;
  }
  throw new Error(`no ${last} in ${seen.join()}`);
}

const now = async (): Promise<string> =>
  (await client.resource(pods).list({ namespace })).metadata.resourceVersion ?? "";

test("pods come in order, each with its name, its labels and its hostname", async () => {
  const before = await now();
  await create(statefulSet("web", { replicas: 3 }));
  const set = await reaches("web", isComplete);
  expect(await historyOf("web", before, "ADDED web-2")).toEqual(["ADDED web-0", "ADDED web-1", "ADDED web-2"]);
  const [first, second, third] = await podsOf("web");
  expect(second?.metadata.labels).toEqual({
    app: "web",
    "apps.kubernetes.io/pod-index": "1",
    "controller-revision-hash": set["status"].currentRevision,
    "statefulset.kubernetes.io/pod-name": "web-1",
  });
  expect(second?.["spec"]).toMatchObject({ hostname: "web-1", subdomain: "web" });
  // Each was made after its predecessor was ready.
  const readyAt = (pod: KubeObject | undefined): number =>
    Date.parse(pod?.["status"].conditions.find((each: { type: string }) => each.type === "Ready").lastTransitionTime);
  const createdAt = (pod: KubeObject | undefined): number => Date.parse(String(pod?.metadata.creationTimestamp));
  expect(createdAt(second)).toBeGreaterThanOrEqual(readyAt(first));
  expect(createdAt(third)).toBeGreaterThanOrEqual(readyAt(second));
  expect(set["status"]).toEqual({
    observedGeneration: 1,
    replicas: 3,
    readyReplicas: 3,
    currentReplicas: 3,
    updatedReplicas: 3,
    availableReplicas: 3,
    currentRevision: set["status"].updateRevision,
    updateRevision: expect.stringMatching(/^web-/),
    collisionCount: 0,
  });
  await vi.waitFor(
    async () => {
      const { items } = await client.resource(events).list({ namespace });
      const texts = items
        .filter((event) => event["involvedObject"].kind === "StatefulSet" && event["involvedObject"].name === "web")
        .map((event) => `${event["type"]} ${event["reason"]}: ${event["message"]}`);
      expect(texts.sort()).toEqual(
        [0, 1, 2].map((n) => `Normal SuccessfulCreate: Create Pod web-${n} in StatefulSet web successful`),
      );
    },
    { timeout: 20_000 },
  );
});

test("scaling down deletes from the end, one after the other", async () => {
  await create(statefulSet("down", { replicas: 3 }));
  await reaches("down", isComplete);
  const before = await now();
  await change("down", { replicas: 1 });
  await reaches("down", isComplete);
  expect(await historyOf("down", before, "DELETED down-1")).toEqual(["DELETED down-2", "DELETED down-1"]);
});

test("a parallel set makes and deletes all at once, from its first ordinal on", async () => {
  const unready = { readinessGates: [{ conditionType: "example.com/never" }] };
  const spec = { replicas: 3, podManagementPolicy: "Parallel", ordinals: { start: 5 } };
  await create(statefulSet("burst", spec, unready));
  const set = await reaches("burst", ({ status = {} }) => status.replicas === 3);
  expect(set["status"].readyReplicas).toBeUndefined();
  expect((await podsOf("burst")).map(nameOf)).toEqual(["burst-5", "burst-6", "burst-7"]);
  await change("burst", { replicas: 0 });
  await reaches("burst", ({ status = {} }) => status.replicas === 0);
});

test("an update goes from the last pod to the partition, and then to the first", async () => {
  const updateStrategy = (partition: number) => ({ type: "RollingUpdate", rollingUpdate: { partition } });
  await create(statefulSet("roll", { replicas: 3, updateStrategy: updateStrategy(2) }));
  const { status: initial } = await reaches("roll", isComplete);
  await change("roll", withImage("app:2"));
  const { status } = await reaches(
    "roll",
    (set) => set["status"].updatedReplicas === 1 && set["status"].availableReplicas === 3,
  );
  expect((await podsOf("roll")).map(imageOf)).toEqual(["app:1", "app:1", "app:2"]);
  expect(status).toMatchObject({ currentReplicas: 2, currentRevision: initial.currentRevision });
  expect(status.updateRevision).not.toBe(initial.currentRevision);

  // One that is below the partition comes back as it was.
  const { metadata: deleted } = await client.resource(pods).get("roll-0", namespace);
  await client.resource(pods).delete("roll-0", namespace);
  await until(pods, "roll-0", ({ metadata, status }) => metadata.uid !== deleted.uid && status.phase === "Running");
  expect((await podsOf("roll")).map(imageOf)).toEqual(["app:1", "app:1", "app:2"]);

  const before = await now();
  await change("roll", { updateStrategy: updateStrategy(0) });
  await reaches("roll", isComplete);
  expect(await historyOf("roll", before, "ADDED roll-0")).toEqual([
    "DELETED roll-1",
    "ADDED roll-1",
    "DELETED roll-0",
    "ADDED roll-0",
  ]);
});

test("with OnDelete a pod is replaced when somebody deletes it", async () => {
  await create(statefulSet("manual", { replicas: 2, updateStrategy: { type: "OnDelete" } }));
  await reaches("manual", (set) => set["status"]?.availableReplicas === 2);
  await change("manual", withImage("app:2"));
  await reaches("manual", ({ metadata, status }) => status.observedGeneration === metadata.generation);
  expect((await podsOf("manual")).map(imageOf)).toEqual(["app:1", "app:1"]);
  await client.resource(pods).delete("manual-0", namespace);
  await reaches("manual", (set) => set["status"].updatedReplicas === 1 && set["status"].availableReplicas === 2);
  expect((await podsOf("manual")).map(imageOf)).toEqual(["app:2", "app:1"]);
});

test("a pod that failed is made anew", async () => {
  await create(statefulSet("again", { replicas: 1 }));
  await reaches("again", isComplete);
  const [pod] = await podsOf("again");
  await client
    .resource(pods)
    .patch("again-0", namespace, { status: { phase: "Failed" } }, { type: "merge", subresource: "status" });
  await vi.waitFor(
    async () => {
      const [other] = await podsOf("again");
      expect(other?.metadata.uid).not.toBe(pod?.metadata.uid);
      expect(other?.["status"].phase).toBe("Running");
    },
    { timeout: 20_000 },
  );
});

test("revisions are kept up to the limit, and kubectl goes back to one", async () => {
  await create(statefulSet("past", { replicas: 1, revisionHistoryLimit: 1 }));
  await reaches("past", isComplete);
  for (const image of ["app:2", "app:3"]) {
    await change("past", withImage(image));
    await reaches("past", (set) => isComplete(set) && set["spec"].template.spec.containers[0].image === image);
  }
  await vi.waitFor(
    async () => expect((await revisionsOf("past")).map((revision) => revision["revision"])).toEqual([2, 3]),
    { timeout: 20_000 },
  );
  const kubectl = (...words: string[]) => lane.kubectl(["--namespace", namespace, ...words]);
  expect((await kubectl("rollout", "status", "statefulset/past")).stdout).toContain("partitioned roll out complete: 1");
  const { stdout } = await kubectl("rollout", "history", "statefulset/past");
  expect(stdout.match(/^\d+/gm)).toEqual(["2", "3"]);
  expect((await kubectl("rollout", "undo", "statefulset/past")).stdout).toContain("rolled back");
  await reaches("past", (set) => isComplete(set) && set["spec"].template.spec.containers[0].image === "app:2");
  expect((await podsOf("past")).map(imageOf)).toEqual(["app:2"]);
  expect((await revisionsOf("past")).map((revision) => revision["revision"])).toEqual([3, 4]);
});

const claimTemplate = {
  metadata: { name: "data" },
  spec: {
    accessModes: ["ReadWriteOnce"],
    storageClassName: "nobody-makes-these",
    resources: { requests: { storage: "1Gi" } },
  },
};

test("each pod has its claims, which stay when the set goes", async () => {
  const spec = { replicas: 2, podManagementPolicy: "Parallel", volumeClaimTemplates: [claimTemplate] };
  await create(statefulSet("kept", spec));
  await reaches("kept", ({ status = {} }) => status.replicas === 2);
  const [first] = await podsOf("kept");
  expect(first?.["spec"].volumes[0]).toEqual({ name: "data", persistentVolumeClaim: { claimName: "data-kept-0" } });
  await change("kept", { replicas: 0 });
  await reaches("kept", ({ status = {} }) => status.replicas === 0);
  await client.resource(statefulSets).delete("kept", namespace);
  const claims = await client.resource(persistentVolumeClaims).list({ namespace, labelSelector: "app=kept" });
  expect(claims.items.map(nameOf)).toEqual(["data-kept-0", "data-kept-1"]);
  expect(claims.items.map(({ metadata }) => metadata.ownerReferences)).toEqual([undefined, undefined]);
});

test("claims go with their pod, or with the set, where that is wanted", async () => {
  const spec = {
    replicas: 2,
    podManagementPolicy: "Parallel",
    volumeClaimTemplates: [claimTemplate],
    persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete", whenDeleted: "Delete" },
  };
  const { metadata } = await create(statefulSet("gone", spec));
  await vi.waitFor(
    async () => {
      const claim = await client.resource(persistentVolumeClaims).get("data-gone-0", namespace);
      expect(claim.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([metadata.uid]);
    },
    { timeout: 20_000 },
  );
  await reaches("gone", ({ status = {} }) => status.replicas === 2);
  await change("gone", { replicas: 1 });
  await untilGone(persistentVolumeClaims, "data-gone-1");
  await client.resource(statefulSets).delete("gone", namespace);
  await untilGone(persistentVolumeClaims, "data-gone-0");
});

test("pods that are ready have to last minReadySeconds", async () => {
  await create(statefulSet("slow", { replicas: 2, minReadySeconds: 2 }));
  const set = await reaches("slow", ({ status = {} }) => status.readyReplicas === 1);
  expect(set["status"].replicas).toBe(1);
  await reaches("slow", isComplete);
});
