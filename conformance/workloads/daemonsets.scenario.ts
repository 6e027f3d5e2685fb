import { controllerRevisions, daemonSets, events, nodes, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test, vi } from "vitest";
import { openScene, withImage, workload, workloadsOf } from "./scene.ts";

const scene = await openScene("daemonsets", { nodes: 2 });
const { lane, client, namespace } = scene;
const { create, change, reaches } = workloadsOf(scene, daemonSets);

const daemonSet = (name: string, spec: object = {}, pod: object = {}): KubeObject =>
  workload("DaemonSet", { name, namespace }, spec, { pod });
const nameOf = ({ metadata }: KubeObject): string => metadata.name ?? "";
const names = (await client.resource(nodes).list()).items.map(nameOf).sort();
const imageOf = (pod: KubeObject): string => pod["spec"].containers[0].image;

const isReady = (pod: KubeObject): boolean =>
  (pod["status"].conditions ?? []).some(
    ({ type, status }: Record<string, string>) => type === "Ready" && status === "True",
  );

function isComplete({ metadata, status = {} }: KubeObject): boolean {
  return (
    status.observedGeneration === metadata.generation &&
    status.desiredNumberScheduled > 0 &&
    status.updatedNumberScheduled === status.desiredNumberScheduled &&
    status.numberAvailable === status.desiredNumberScheduled
  );
}

async function podsOf(name: string): Promise<KubeObject[]> {
  const { items } = await client.resource(pods).list({ namespace, labelSelector: `app=${name}` });
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

test("every node gets one pod, which stands the node's troubles", async () => {
  await create(daemonSet("agent"));
  const set = await reaches("agent", isComplete);
  const found = await podsOf("agent");
  expect(found.map((pod) => pod["spec"].nodeName).sort()).toEqual(names);
  const [pod] = found;
  const { items } = await client.resource(controllerRevisions).list({ namespace, labelSelector: "app=agent" });
  const [revision] = items;
  expect(pod?.metadata.labels).toEqual({
    app: "agent",
    "controller-revision-hash": revision?.metadata.labels?.["controller-revision-hash"],
    "pod-template-generation": "1",
  });
  expect(pod?.["spec"].affinity).toEqual({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [
          { matchFields: [{ key: "metadata.name", operator: "In", values: [pod?.["spec"].nodeName] }] },
        ],
      },
    },
  });
  const tolerations = pod?.["spec"].tolerations.map(
    ({ key, operator, effect }: Record<string, string>) => `${key} ${operator} ${effect}`,
  );
  expect(tolerations).toEqual([
    "node.kubernetes.io/not-ready Exists NoExecute",
    "node.kubernetes.io/unreachable Exists NoExecute",
    "node.kubernetes.io/disk-pressure Exists NoSchedule",
    "node.kubernetes.io/memory-pressure Exists NoSchedule",
    "node.kubernetes.io/pid-pressure Exists NoSchedule",
    "node.kubernetes.io/unschedulable Exists NoSchedule",
  ]);
  expect(set["status"]).toEqual({
    currentNumberScheduled: 2,
    desiredNumberScheduled: 2,
    numberAvailable: 2,
    numberMisscheduled: 0,
    numberReady: 2,
    observedGeneration: 1,
    updatedNumberScheduled: 2,
  });
  await vi.waitFor(
    async () => {
      const told = (await client.resource(events).list({ namespace })).items
        .filter((event) => event["involvedObject"].kind === "DaemonSet" && event["involvedObject"].name === "agent")
        .map((event) => `${event["type"]} ${event["reason"]}: ${event["message"]}`);
      expect(told.sort()).toEqual(found.map((each) => `Normal SuccessfulCreate: Created pod: ${nameOf(each)}`).sort());
    },
    { timeout: 20_000 },
  );
});

test("pods come and go with the nodes that match", async () => {
  const [first = "", second = ""] = names;
  const mark = (name: string, value: string | null) =>
    client.resource(nodes).patch(name, undefined, { metadata: { labels: { daemons: value } } }, { type: "merge" });
  await mark(first, "yes");
  await create(daemonSet("some", {}, { nodeSelector: { daemons: "yes" } }));
  await reaches("some", isComplete);
  expect((await podsOf("some")).map((pod) => pod["spec"].nodeName)).toEqual([first]);
  await mark(second, "yes");
  await reaches("some", (set) => set["status"].numberAvailable === 2);
  await mark(first, null);
  await reaches("some", ({ status }) => status.desiredNumberScheduled === 1 && status.numberMisscheduled === 0);
  expect((await podsOf("some")).map((pod) => pod["spec"].nodeName)).toEqual([second]);
});

test("an update replaces one pod after the other", async () => {
  await create(daemonSet("roll"));
  await reaches("roll", isComplete);
  const before = (await client.resource(daemonSets).get("roll", namespace)).metadata.resourceVersion ?? "";
  await change("roll", withImage("app:2"));
  const options = {
    namespace,
    fieldSelector: "metadata.name=roll",
    resourceVersion: before,
    timeoutSeconds: 30,
  };
  let fewest = 2;
  for await (const { object } of client.resource(daemonSets).watch(options)) {
    fewest = Math.min(fewest, object["status"].numberAvailable ?? 0);
    if (isComplete(object)) break;
  }
  expect(fewest).toBe(1);
  expect((await podsOf("roll")).map(imageOf)).toEqual(["app:2", "app:2"]);
});

test("with a surge the new pod comes before the old one goes", async () => {
  const updateStrategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  await create(daemonSet("surge", { updateStrategy }));
  await reaches("surge", isComplete);
  const { items, metadata } = await client.resource(pods).list({ namespace });
  await change("surge", withImage("app:2"));

  // Whenever one is told to go, its successor on the node is ready already.
  const ready = new Map<string, boolean>();
  const going = new Set<string>();
  const resourceVersion = metadata.resourceVersion ?? "";
  const options = { namespace, labelSelector: "app=surge", resourceVersion, timeoutSeconds: 30 };
  for await (const { type, object } of client.resource(pods).watch(options)) {
    const { nodeName } = object["spec"];
    if (imageOf(object) === "app:2") ready.set(nodeName, isReady(object));
    else if (type === "DELETED" || object.metadata.deletionTimestamp !== undefined) {
      expect(ready.get(nodeName)).toBe(true);
      going.add(nameOf(object));
    }
    if (going.size === 2) break;
  }
  expect([...going].sort()).toEqual(
    items
      .map(nameOf)
      .filter((name) => name.startsWith("surge-"))
      .sort(),
  );
  await reaches("surge", isComplete);
});

test("with OnDelete a pod is replaced when somebody deletes it", async () => {
  await create(daemonSet("manual", { updateStrategy: { type: "OnDelete" } }));
  await reaches("manual", isComplete);
  await change("manual", withImage("app:2"));
  await reaches("manual", ({ metadata, status }) => status.observedGeneration === metadata.generation);
  const [pod] = await podsOf("manual");
  await client.resource(pods).delete(pod?.metadata.name ?? "", namespace);
  await reaches("manual", ({ status }) => status.updatedNumberScheduled === 1 && status.numberAvailable === 2);
  expect((await podsOf("manual")).map(imageOf).sort()).toEqual(["app:1", "app:2"]);
});

test("a pod that failed is told of and made anew", async () => {
  await create(daemonSet("again"));
  await reaches("again", isComplete);
  const [pod] = await podsOf("again");
  const name = pod?.metadata.name ?? "";
  await client
    .resource(pods)
    .patch(name, namespace, { status: { phase: "Failed" } }, { type: "merge", subresource: "status" });
  await vi.waitFor(
    async () => {
      const found = await podsOf("again");
      expect(found.map(nameOf)).not.toContain(name);
      expect(found.map((each) => each["status"].phase)).toEqual(["Running", "Running"]);
      const told = (await client.resource(events).list({ namespace, fieldSelector: "reason=FailedDaemonPod" })).items;
      const message = `Found failed daemon pod ${namespace}/${name} on node ${pod?.["spec"].nodeName}, will try to kill it`;
      expect(told.map((event) => event["message"])).toContain(message);
    },
    { timeout: 20_000 },
  );
});

test("revisions are kept up to the limit, and kubectl goes back to one", async () => {
  await create(daemonSet("past", { revisionHistoryLimit: 1 }));
  await reaches("past", isComplete);
  for (const image of ["app:2", "app:3"]) {
    await change("past", withImage(image));
    await reaches("past", (set) => isComplete(set) && set["spec"].template.spec.containers[0].image === image);
  }
  const numbers = async (): Promise<number[]> => {
    const { items } = await client.resource(controllerRevisions).list({ namespace, labelSelector: "app=past" });
    return items.map((revision) => revision["revision"] as number).sort();
  };
  await vi.waitFor(async () => expect(await numbers()).toEqual([2, 3]), { timeout: 20_000 });
  const kubectl = (...words: string[]) => lane.kubectl(["--namespace", namespace, ...words]);
  expect((await kubectl("rollout", "status", "daemonset/past")).stdout).toContain("successfully rolled out");
  const { stdout } = await kubectl("rollout", "history", "daemonset/past");
  expect(stdout.match(/^\d+/gm)).toEqual(["2", "3"]);
  expect((await kubectl("rollout", "undo", "daemonset/past")).stdout).toContain("rolled back");
  await reaches("past", (set) => isComplete(set) && set["spec"].template.spec.containers[0].image === "app:2");
  expect(await numbers()).toEqual([3, 4]);
});
