import {
  EventRecorder,
  events,
  InformerFactory,
  leases,
  ManualClock,
  nodes,
  pods,
  silentLogger,
} from "@podwright/client";
import { formatMicroTime, type KubeObject } from "@podwright/kube";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Cluster, startCluster } from "../../start-cluster.ts";
import type { Controller } from "../controller.ts";
import { createSilentNodes } from "./silent-nodes.ts";

const waiting = { timeout: 20_000, interval: 20 };
let cluster: Cluster;
let clock: ManualClock;
let informers: InformerFactory;
let recorder: EventRecorder;
let controller: Controller;

// The cluster's own goes by the system's clock, and has nothing to say in the meantime.
beforeEach(async () => {
  cluster = await startCluster({ nodes: 0 });
  clock = new ManualClock(Date.now());
  const { client } = cluster;
  informers = new InformerFactory(client);
  recorder = new EventRecorder(client, { component: "node-controller" });
  const context = { client, informers, recorder, clock, logger: silentLogger };
  controller = createSilentNodes(context, (name) => name === "own");
  informers.start();
  await informers.synced();
  controller.start();
});
afterEach(async () => {
  await controller.stop();
  await recorder.stop();
  await informers.stop();
  await cluster.stop();
});

const readyAt = (timeMs: number) => ({
  type: "Ready",
  status: "True",
  reason: "KubeletReady",
  lastHeartbeatTime: new Date(timeMs).toISOString().replace(/\.\d+/, ""),
});
async function post(name: string, conditions: object[]): Promise<void> {
  const change = { status: { conditions } };
  await cluster.client.resource(nodes).patch(name, undefined, change, { type: "strategic", subresource: "status" });
}
async function join(name: string, conditions: object[]): Promise<void> {
  await cluster.client.resource(nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name } });
  if (conditions.length > 0) await post(name, conditions);
  await vi.waitFor(() => {
    const seen = informers.for<KubeObject>(nodes).get(name);
    expect(seen?.["status"]?.conditions?.length ?? 0).toBe(conditions.length);
    // Each of the others has its timer.
    if (name !== "own") expect(clock.pending).toBeGreaterThan(0);
  }, waiting);
}
async function renew(name: string): Promise<void> {
  const resource = cluster.client.resource(leases);
  const spec = { renewTime: formatMicroTime(clock.now()) };
  const lease = await resource.patch(name, "kube-node-lease", { spec }, { type: "merge" }).catch(() =>
    resource.create({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace: "kube-node-lease" },
      spec,
    }),
  );
  const seen = informers.for<KubeObject>(leases, { namespace: "kube-node-lease" });
  await vi.waitFor(() => {
    expect(seen.get(name, "kube-node-lease")?.metadata.resourceVersion).toBe(lease.metadata.resourceVersion);
  }, waiting);
}
const conditions = async (name: string): Promise<Record<string, string>[]> =>
  (await cluster.client.resource(nodes).get(name))["status"].conditions ?? [];
const says = (name: string, ...wanted: string[]) =>
  vi.waitFor(async () => {
    const said = (await conditions(name)).map(({ type, status, reason }) => `${type}=${status} ${reason}`);
    expect(said.toSorted()).toEqual(wanted.toSorted());
  }, waiting);

test("one that posts and renews nothing for 50 seconds is Unknown, and its pods are not ready", async () => {
  await join("silent", [
    readyAt(clock.now()),
    { type: "DiskPressure", status: "False", reason: "KubeletHasNoDiskPressure" },
  ]);
  await join("own", [readyAt(clock.now())]);
  await cluster.client.resource(pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { nodeName: "silent", containers: [{ name: "c", image: "a:1" }] },
  });
  const change = { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } };
  await cluster.client.resource(pods).patch("p", "default", change, { type: "strategic", subresource: "status" });
  clock.advance(50_000);
  await controllerRests();
  await says("silent", "Ready=True KubeletReady", "DiskPressure=False KubeletHasNoDiskPressure");
  clock.advance(1_000);
  const never = "NodeStatusNeverUpdated";
  await says(
    "silent",
    "Ready=Unknown NodeStatusUnknown",
    "DiskPressure=Unknown NodeStatusUnknown",
    `MemoryPressure=Unknown ${never}`,
    `PIDPressure=Unknown ${never}`,
  );
  await vi.waitFor(async () => {
    const pod = await cluster.client.resource(pods).get("p", "default");
    expect(pod["status"].conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "False" }));
    const { items } = await cluster.client.resource(events).list();
    const told = items
      .filter(({ reason }) => reason === "NodeNotReady")
      .map(({ type, message }) => `${type} ${message}`);
    expect(told.toSorted()).toEqual(["Normal Node silent status is now: NodeNotReady", "Warning Node is not ready"]);
  }, waiting);
  await says("own", "Ready=True KubeletReady");
});

test("a renewed Lease is heard, and so is a status; what comes back has its time again", async () => {
  await join("beats", [readyAt(clock.now())]);
  for (let turn = 0; turn < 4; turn++) {
    clock.advance(40_000);
    if (turn % 2 === 0) await renew("beats");
    else await heartbeat("beats");
    await controllerRests();
    await says("beats", "Ready=True KubeletReady");
  }
  clock.advance(51_000);
  const pressures = ["Memory", "Disk", "PID"].map((what) => `${what}Pressure=Unknown NodeStatusNeverUpdated`);
  await says("beats", "Ready=Unknown NodeStatusUnknown", ...pressures);
  await heartbeat("beats");
  clock.advance(40_000);
  await controllerRests();
  await says("beats", "Ready=True KubeletReady", ...pressures);
});

test("one that never said anything has a minute from its beginning", async () => {
  await join("mute", []);
  clock.advance(58_000);
  await controllerRests();
  await says("mute");
  clock.advance(4_000);
  const all = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];
  await says("mute", ...all.map((type) => `${type}=Unknown NodeStatusNeverUpdated`));
});

async function heartbeat(name: string): Promise<void> {
  await post(name, [readyAt(clock.now())]);
  await vi.waitFor(async () => {
    const { metadata } = await cluster.client.resource(nodes).get(name);
    expect(informers.for<KubeObject>(nodes).get(name)?.metadata.resourceVersion).toBe(metadata.resourceVersion);
  }, waiting);
}

/** What it does without time passing is done. */
async function controllerRests(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
}
