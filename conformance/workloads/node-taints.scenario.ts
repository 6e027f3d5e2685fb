import { events, nodes, pods } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";
import { afterAll, expect, test, vi } from "vitest";
import { openScene } from "./scene.ts";

const { client, namespace, until, untilGone } = await openScene("taints", { nodes: 2 });
const waiting = { timeout: 60_000, interval: 100 };
const made: string[] = [];

// Those that nobody runs are to go, whatever happened.
afterAll(async () => {
  for (const name of made)
    await client
      .resource(nodes)
      .delete(name)
      .catch(() => {});
});

const isRunning = ({ status }: KubeObject) => status.phase === "Running";
const taintsOf = async (name: string): Promise<JsonObject[]> =>
  (await client.resource(nodes).get(name))["spec"].taints ?? [];

async function pod(name: string, spec: object = {}): Promise<KubeObject> {
  await client.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: "main", image: "app:1" }], ...spec },
  });
  return until(pods, name, isRunning);
}

async function onNode(change: object | null): Promise<string> {
  const name = (await client.resource(pods).get("stays", namespace))["spec"].nodeName;
  await client.resource(nodes).patch(name, undefined, { spec: { taints: change } }, { type: "merge" });
  return name;
}

const toldOf = (name: string) =>
  vi.waitFor(async () => {
    const fieldSelector = `involvedObject.name=${name},reason=TaintManagerEviction`;
    const { items } = await client.resource(events).list({ namespace, fieldSelector });
    expect(items).not.toEqual([]);
    return items.map(({ message }) => message);
  }, waiting);

/** A node that nobody runs. */
async function bareNode(name: string, conditions: object[]): Promise<void> {
  made.push(name);
  await client.resource(nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name } });
  await client
    .resource(nodes)
    .patch(name, undefined, { status: { conditions } }, { type: "merge", subresource: "status" });
}

test("a cordoned node has a taint for as long", async () => {
  const { items } = await client.resource(nodes).list();
  const node = items[0]?.metadata.name as string;
  const cordon = (unschedulable: boolean | null) =>
    client.resource(nodes).patch(node, undefined, { spec: { unschedulable } }, { type: "merge" });
  await cordon(true);
  await vi.waitFor(async () => {
    const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule", timeAdded: expect.any(String) };
    expect(await taintsOf(node)).toEqual([taint]);
  }, waiting);
  await cordon(null);
  await vi.waitFor(async () => expect(await taintsOf(node)).toEqual([]), waiting);
});

test("a taint with NoExecute drives out the pods that do not tolerate it, at once or in time", async () => {
  const key = "example.com/repair";
  const { spec } = await pod("stays", { tolerations: [{ key, operator: "Exists" }] });
  const there = { nodeName: spec.nodeName };
  await pod("goes", there);
  await pod("goes-later", {
    ...there,
    tolerations: [{ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 }],
  });
  await pod("is-spared", {
    ...there,
    tolerations: [{ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 3600 }],
  });
  await onNode([{ key, effect: "NoExecute" }]);
  try {
    const going = await until(pods, "goes", ({ metadata }) => metadata.deletionTimestamp !== undefined);
    expect(going.status.conditions).toContainEqual(
      expect.objectContaining({
        type: "DisruptionTarget",
        status: "True",
        reason: "DeletionByTaintManager",
        message: "Taint manager: deleting due to NoExecute taint",
      }),
    );
    await untilGone(pods, "goes");
    await untilGone(pods, "goes-later");
    expect(await toldOf("goes-later")).toEqual([`Marking for deletion Pod ${namespace}/goes-later`]);
  } finally {
    await onNode(null);
  }
  expect(await toldOf("is-spared")).toEqual([`Cancelling deletion of Pod ${namespace}/is-spared`]);
  for (const name of ["stays", "is-spared"]) {
    const { metadata } = await client.resource(pods).get(name, namespace);
    expect(metadata.deletionTimestamp).toBeUndefined();
  }
});

test("a node that is not ready, or short of something, is tainted", async () => {
  const name = `${namespace}-weak`;
  await bareNode(name, [
    { type: "Ready", status: "True", reason: "KubeletReady" },
    { type: "DiskPressure", status: "True", reason: "KubeletHasDiskPressure" },
  ]);
  await vi.waitFor(async () => {
    expect(await taintsOf(name)).toContainEqual(
      expect.objectContaining({ key: "node.kubernetes.io/disk-pressure", effect: "NoSchedule" }),
    );
  }, waiting);
  const trouble = { status: { conditions: [{ type: "Ready", status: "False", reason: "KubeletNotReady" }] } };
  await client.resource(nodes).patch(name, undefined, trouble, { type: "merge", subresource: "status" });
  await vi.waitFor(async () => {
    const taints = (await taintsOf(name)).map(({ key, effect }) => `${key}:${effect}`);
    expect(taints.toSorted()).toEqual([
      "node.kubernetes.io/not-ready:NoExecute",
      "node.kubernetes.io/not-ready:NoSchedule",
    ]);
  }, waiting);
});

test("the pods of a node that is deleted go with it, in time", async () => {
  const name = `${namespace}-gone`;
  await bareNode(name, [{ type: "Ready", status: "True", reason: "KubeletReady" }]);
  await client.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "orphan", namespace },
    spec: { nodeName: name, containers: [{ name: "main", image: "app:1" }] },
  });
  await client.resource(nodes).delete(name);
  await untilGone(pods, "orphan");
}, 120_000);
