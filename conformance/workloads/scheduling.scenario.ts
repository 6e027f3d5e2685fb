import { endpointSlices, nodes, pods, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { expect, test } from "vitest";
import { openScene } from "./scene.ts";

const { client, namespace, until } = await openScene("scheduling", { nodes: 2 });

function pod(name: string, spec: object = {}, container: object = {}, labels: Record<string, string> = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: "main", image: "app:1", ...container }], ...spec },
  };
}

const create = (object: KubeObject) => client.resource(pods).create(object);
const reaches = (name: string, wanted: (object: KubeObject) => boolean) => until(pods, name, wanted);
const isRunning = ({ status }: KubeObject) => status.phase === "Running";
const scheduled = ({ status }: KubeObject) =>
  (status.conditions ?? []).find((each: { type: string }) => each.type === "PodScheduled");

test("pods are spread over the nodes", async () => {
  const names = ["a", "b", "c", "d"];
  await Promise.all(names.map((name) => create(pod(name, {}, { resources: { requests: { cpu: "1" } } }))));
  const placed = await Promise.all(names.map((name) => reaches(name, isRunning)));
  expect(new Set(placed.map(({ spec }) => spec.nodeName)).size).toBe(2);
  expect(new Set(placed.map(({ status }) => status.podIP)).size).toBe(4);
});

test("a pod that fits nowhere waits and says why, and runs when a node comes to fit", async () => {
  await create(pod("picky", { nodeSelector: { "example.com/disk": namespace } }));
  const waiting = await reaches("picky", (object) => scheduled(object)?.status === "False");
  expect(scheduled(waiting)).toMatchObject({
    reason: "Unschedulable",
    message: expect.stringMatching(
      /^0\/\d+ nodes are available: (\d+) node\(s\) didn't match Pod's node affinity\/selector\. no new claims to deallocate, preemption: 0\/\d+ nodes are available: \d+ Preemption is not helpful for scheduling\.$/,
    ),
  });
  const node = await anyNode();
  const labels = { "example.com/disk": namespace };
  await client.resource(nodes).patch(node, undefined, { metadata: { labels } }, { type: "merge" });
  const running = await reaches("picky", isRunning);
  expect(running["spec"].nodeName).toBe(node);
  expect(scheduled(running)).toMatchObject({ status: "True" });
});

test("a cordoned node takes no pods", async () => {
  const node = await anyNode();
  await client.resource(nodes).patch(node, undefined, { spec: { unschedulable: true } }, { type: "merge" });
  try {
    await create(pod("elsewhere"));
    expect((await reaches("elsewhere", isRunning))["spec"].nodeName).not.toBe(node);
  } finally {
    await client.resource(nodes).patch(node, undefined, { spec: { unschedulable: null } }, { type: "merge" });
  }
});

test("a Service finds the pods that are ready behind it", async () => {
  const labels = { app: "behind" };
  await client.resource(services).create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "front", namespace },
    spec: { selector: labels, ports: [{ port: 80, targetPort: "http" }] },
  });
  await create(pod("behind", {}, { ports: [{ name: "http", containerPort: 8080 }] }, labels));
  const { status, spec } = await reaches("behind", isRunning);
  for await (const { object } of client.resource(endpointSlices).watch({
    namespace,
    labelSelector: "kubernetes.io/service-name=front",
    timeoutSeconds: 25,
  })) {
    const [endpoint] = (object["endpoints"] ?? []) as KubeObject[];
    if (!endpoint?.["conditions"]?.ready) continue;
    expect(object["ports"]).toEqual([{ name: "", port: 8080, protocol: "TCP" }]);
    expect(endpoint).toMatchObject({
      addresses: [status.podIP],
      nodeName: spec.nodeName,
      targetRef: { kind: "Pod", name: "behind", namespace },
    });
    return;
  }
  throw new Error("no endpoint got ready");
});

async function anyNode(): Promise<string> {
  const list = await client.resource(nodes).list();
  return list.items[0]?.metadata.name as string;
}
