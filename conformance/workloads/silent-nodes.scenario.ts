import { events, leases, nodes, pods } from "@podwright/client";
import { formatMicroTime, formatTime, type KubeObject } from "@podwright/kube";
import { afterAll, expect, test, vi } from "vitest";
import { openScene } from "./scene.ts";

const { client, namespace, until } = await openScene("silent", { nodes: 1 });
/** Nodes are waited for 50 seconds before they are taken for lost. */
const waiting = { timeout: 90_000, interval: 200 };
const silent = `${namespace}-silent`;
const beating = `${namespace}-beating`;

// Nobody runs them, nor the pods on them.
afterAll(async () => {
  clearInterval(heart);
  for (const { metadata } of (await client.resource(pods).list({ namespace })).items) {
    await client.resource(pods).delete(metadata.name as string, namespace, { gracePeriodSeconds: 0 });
  }
  for (const name of [silent, beating]) await client.resource(nodes).delete(name);
});

const ready = () => ({
  type: "Ready",
  status: "True",
  reason: "KubeletReady",
  lastHeartbeatTime: formatTime(Date.now()),
});
const status = { type: "strategic", subresource: "status" } as const;

async function join(name: string): Promise<void> {
  await client.resource(nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name } });
  await client.resource(nodes).patch(name, undefined, { status: { conditions: [ready()] } }, status);
}

/** A pod of the silent node, as its kubelet once left it. */
async function readyPod(name: string, tolerations: object[]): Promise<void> {
  await client.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: { nodeName: silent, tolerations, containers: [{ name: "main", image: "app:1" }] },
  });
  const change = { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } };
  await client.resource(pods).patch(name, namespace, change, status);
}

const readyOf = ({ status: { conditions = [] } }: KubeObject) =>
  conditions.find(({ type }: { type: string }) => type === "Ready");
const taintsOf = ({ spec }: KubeObject): string[] =>
  (spec.taints ?? []).map(({ key, effect }: Record<string, string>) => `${key}:${effect}`).toSorted();
const node = (name: string) => client.resource(nodes).get(name);

await join(beating);
const lease = { holderIdentity: beating, leaseDurationSeconds: 40 };
await client.resource(leases).create({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: beating, namespace: "kube-node-lease" },
  spec: { ...lease, renewTime: formatMicroTime(Date.now()) },
});
const heart = setInterval(() => {
  const spec = { renewTime: formatMicroTime(Date.now()) };
  client.resource(leases).patch(beating, "kube-node-lease", { spec }, { type: "merge" }).catch(console.error);
}, 5_000);

test("a node of which nothing is heard is Unknown; its pods are not ready, and leave in time", async () => {
  await join(silent);
  const key = "node.kubernetes.io/unreachable";
  await readyPod("goes", [{ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 }]);
  await readyPod("stays", [{ key, operator: "Exists", effect: "NoExecute" }]);
  await vi.waitFor(async () => {
    const lost = await node(silent);
    expect(readyOf(lost)).toMatchObject({
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
    });
    expect(taintsOf(lost)).toEqual([`${key}:NoExecute`, `${key}:NoSchedule`]);
  }, waiting);
  const { status: lost } = await node(silent);
  const others = lost.conditions.filter(({ type }: { type: string }) => type !== "Ready");
  expect(
    others.map(({ type, status, reason, message }: Record<string, string>) => [type, status, reason, message]),
  ).toEqual(
    ["MemoryPressure", "DiskPressure", "PIDPressure"].map((type) => [
      type,
      "Unknown",
      "NodeStatusNeverUpdated",
      "Kubelet never posted node status.",
    ]),
  );
  const isNotReady = (pod: KubeObject) => readyOf(pod)?.status === "False";
  await until(pods, "stays", isNotReady);
  const going = await until(pods, "goes", ({ metadata }) => metadata.deletionTimestamp !== undefined);
  expect(isNotReady(going)).toBe(true);
  await vi.waitFor(async () => {
    const { items } = await client.resource(events).list({ namespace, fieldSelector: "reason=NodeNotReady" });
    const told = items.map(({ type, message, involvedObject }) => [involvedObject.name, type, message]);
    expect(told).toContainEqual(["stays", "Warning", "Node is not ready"]);
  }, waiting);
  const { metadata } = await client.resource(pods).get("stays", namespace);
  expect(metadata.deletionTimestamp).toBeUndefined();
  // As long as it says that it lives, nothing is amiss.
  expect(readyOf(await node(beating))).toMatchObject({ status: "True", reason: "KubeletReady" });

  await client.resource(nodes).patch(silent, undefined, { status: { conditions: [ready()] } }, status);
  await vi.waitFor(async () => expect(taintsOf(await node(silent))).toEqual([]), waiting);
}, 150_000);
