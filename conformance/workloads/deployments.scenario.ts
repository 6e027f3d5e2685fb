import { deployments, events, pods, replicaSets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { openScene, withImage, workload, workloadsOf } from "./scene.ts";

const scene = await openScene("deployments");
const { client, namespace, until } = scene;
const { create, change, reaches } = workloadsOf(scene, deployments);

const deployment = (name: string, spec: object = {}, container: object = {}): KubeObject =>
  workload("Deployment", { name, namespace }, spec, { container });
const condition = (object: KubeObject, type: string) =>
  (object["status"]?.conditions ?? []).find((each: { type: string }) => each.type === type);

function isComplete({ metadata, spec, status = {} }: KubeObject): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    status.updatedReplicas === spec.replicas &&
    status.replicas === spec.replicas &&
    status.availableReplicas === spec.replicas &&
    (status.terminatingReplicas ?? 0) === 0
  );
}

async function replicaSetsOf(name: string): Promise<KubeObject[]> {
  const list = await client.resource(replicaSets).list({ namespace, labelSelector: `app=${name}` });
  return list.items.sort((a, b) => revision(a) - revision(b));
}

const revision = (object: KubeObject) =>
  Number(object.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0);

test("a rollout stays within surge and availability all the way", async () => {
  const strategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
  const ofSteady = { namespace, labelSelector: "app=steady", timeoutSeconds: 25 };
  await create(deployment("steady", { replicas: 4, strategy }));
  await reaches("steady", isComplete);
  const { metadata } = await client.resource(pods).list({ namespace });
  const resourceVersion = metadata.resourceVersion ?? "";
  await change("steady", withImage("app:2"));
  await reaches("steady", isComplete);

  // What happened, as it happened: the sizes of the two ReplicaSets, and the pods that could be used.
  const sizes = new Map<string, number>();
  for await (const { type, object } of client.resource(replicaSets).watch({ ...ofSteady, resourceVersion })) {
    if (type === "DELETED") continue;
    sizes.set(object.metadata.name as string, object["spec"].replicas);
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThanOrEqual(5);
    if (sizes.size === 2 && [...sizes.values()].sort().join() === "0,4") break;
  }
  const usable = new Set(
    (await client.resource(pods).list({ ...ofSteady, ...exactly(resourceVersion) })).items.map(nameOf),
  );
  expect(usable.size).toBe(4);
  const fresh = new Set<string>();
  for await (const { type, object } of client.resource(pods).watch({ ...ofSteady, resourceVersion })) {
    const ready = condition(object, "Ready")?.status === "True" && !object.metadata.deletionTimestamp;
    if (ready && type !== "DELETED") usable.add(nameOf(object));
    else usable.delete(nameOf(object));
    if (ready && object["spec"].containers[0].image === "app:2") fresh.add(nameOf(object));
    expect(usable.size).toBeGreaterThanOrEqual(3);
    if (fresh.size === 4 && usable.size === 4) break;
  }
  const images = (await client.resource(pods).list({ namespace, labelSelector: "app=steady" })).items.map(
    (pod) => pod["spec"].containers[0].image,
  );
  expect(images).toEqual(["app:2", "app:2", "app:2", "app:2"]);
});

const nameOf = (object: KubeObject) => object.metadata.name as string;
const exactly = (resourceVersion: string) => ({ resourceVersion, resourceVersionMatch: "Exact" }) as const;

test("its conditions and events tell how it went", async () => {
  await create(deployment("told", { replicas: 2 }));
  const done = await reaches("told", isComplete);
  const [replicaSet] = await replicaSetsOf("told");
  expect(condition(done, "Available")).toMatchObject({
    status: "True",
    reason: "MinimumReplicasAvailable",
    message: "Deployment has minimum availability.",
  });
  expect(condition(done, "Progressing")).toMatchObject({
    status: "True",
    reason: "NewReplicaSetAvailable",
    message: `ReplicaSet "${replicaSet?.metadata.name}" has successfully progressed.`,
  });
  const event = await until(events, await eventName("told", "ScalingReplicaSet"), () => true);
  expect(event).toMatchObject({
    type: "Normal",
    message: `Scaled up replica set ${replicaSet?.metadata.name} from 0 to 2`,
    source: { component: "deployment-controller" },
  });
});

async function eventName(object: string, reason: string): Promise<string> {
  const fieldSelector = `involvedObject.name=${object},reason=${reason}`;
  for await (const { object: event } of client
    .resource(events)
    .watch({ namespace, fieldSelector, timeoutSeconds: 25 })) {
    return event.metadata.name as string;
  }
  throw new Error(`no event ${reason} about ${object}`);
}

test("a template that was there before comes up again as a new revision, and remembers the old one", async () => {
  await create(deployment("again", { replicas: 1 }));
  await reaches("again", isComplete);
  await change("again", withImage("app:2"));
  await reaches("again", isComplete);
  await change("again", withImage("app:1"));
  const done = await reaches("again", isComplete);
  expect(revision(done)).toBe(3);
  const [second, third] = await replicaSetsOf("again");
  expect([revision(second as KubeObject), revision(third as KubeObject)]).toEqual([2, 3]);
  expect(third?.metadata.annotations?.["deployment.kubernetes.io/revision-history"]).toBe("1");
});

test("old ReplicaSets beyond the history's limit go", async () => {
  const ofForgetful = { namespace, labelSelector: "app=forgetful", timeoutSeconds: 5 };
  await create(deployment("forgetful", { replicas: 1, revisionHistoryLimit: 1 }));
  await reaches("forgetful", isComplete);
  for (const image of ["app:2", "app:3", "app:4"]) {
    await change("forgetful", withImage(image));
    await reaches("forgetful", isComplete);
  }
  const list = await client.resource(replicaSets).list(ofForgetful);
  const present = new Map(list.items.map((object) => [nameOf(object), revision(object)]));
  const resourceVersion = list.metadata.resourceVersion ?? "";
  for await (const { type, object } of client.resource(replicaSets).watch({ ...ofForgetful, resourceVersion })) {
    if (present.size > 2 && type === "DELETED") present.delete(nameOf(object));
    if (present.size <= 2) break;
  }
  expect([...present.values()].sort()).toEqual([3, 4]);
});

test("Recreate stops all old pods before it starts new ones", async () => {
  await create(deployment("anew", { replicas: 2, strategy: { type: "Recreate" } }));
  await reaches("anew", isComplete);
  const { metadata } = await client.resource(pods).list({ namespace });
  await change("anew", withImage("app:2"));
  await reaches("anew", isComplete);
  const present = new Map<string, string>();
  for await (const { type, object } of client.resource(pods).watch({
    namespace,
    labelSelector: "app=anew",
    resourceVersion: metadata.resourceVersion ?? "",
    timeoutSeconds: 25,
  })) {
    const image = object["spec"].containers[0].image as string;
    if (type === "ADDED") {
      expect([...present.values()].filter((other) => other !== image)).toEqual([]);
      present.set(object.metadata.name as string, image);
    } else if (type === "DELETED") present.delete(object.metadata.name as string);
    else if (image === "app:1") present.set(object.metadata.name as string, image);
    if ([...present.values()].filter((each) => each === "app:2").length === 2) break;
  }
});

test("while it is paused it scales but rolls nothing out", async () => {
  await create(deployment("paused", { replicas: 1 }));
  await reaches("paused", isComplete);
  await change("paused", { paused: true, replicas: 3, ...withImage("app:2") });
  const paused = await reaches("paused", ({ metadata, status }) => {
    return status.observedGeneration === metadata.generation && status.availableReplicas === 3;
  });
  expect(condition(paused, "Progressing")).toMatchObject({ status: "Unknown", reason: "DeploymentPaused" });
  expect(paused["status"].updatedReplicas).toBeUndefined();
  expect(await replicaSetsOf("paused")).toHaveLength(1);
  await change("paused", { paused: false });
  await reaches("paused", isComplete);
});

test("scaled in the midst of a rollout, old and new pods grow in proportion", async () => {
  const strategy = { rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } };
  await create(deployment("stuck", { replicas: 4, strategy }));
  await reaches("stuck", isComplete);
  // The new pods find no node: the rollout stands at 4 + 2.
  const resources = { requests: { cpu: "10000" } };
  const template = { spec: { containers: [{ name: "main", image: "app:2", resources }] } };
  await change("stuck", { template });
  await reaches("stuck", ({ status }) => status.updatedReplicas === 2);
  await change("stuck", { replicas: 10 });
  await reaches("stuck", ({ status }) => status.replicas === 12);
  expect((await replicaSetsOf("stuck")).map(({ spec }) => spec.replicas)).toEqual([8, 4]);
});

test("a rollout that does not get on is told after its deadline", async () => {
  const resources = { requests: { cpu: "10000" } };
  await create(deployment("late", { replicas: 1, progressDeadlineSeconds: 1 }, { resources }));
  const late = await reaches("late", (object) => condition(object, "Progressing")?.status === "False");
  const [replicaSet] = await replicaSetsOf("late");
  expect(condition(late, "Progressing")).toMatchObject({
    reason: "ProgressDeadlineExceeded",
    message: `ReplicaSet "${replicaSet?.metadata.name}" has timed out progressing.`,
  });
  expect(condition(late, "Available")).toMatchObject({ status: "False", reason: "MinimumReplicasUnavailable" });
});

test("a pod that loses its label is let go, replaced, and taken in again with it", async () => {
  await create(deployment("lost", { replicas: 1 }));
  await reaches("lost", isComplete);
  const list = await client.resource(pods).list({ namespace, labelSelector: "app=lost" });
  const name = list.items[0]?.metadata.name as string;
  const label = (value: string | null) =>
    client.resource(pods).patch(name, namespace, { metadata: { labels: { app: value } } }, { type: "merge" });
  await label("elsewhere");
  const orphan = await until(pods, name, ({ metadata }) => !metadata.ownerReferences?.length);
  expect(orphan.metadata.labels?.["app"]).toBe("elsewhere");
  await reaches("lost", ({ status }) => status.availableReplicas === 1);
  await client.resource(pods).delete(name, namespace);
});
