import { events, ManualClock, pods } from "@podwright/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ContainerStatus, Pod } from "../kinds.ts";
import { podCondition } from "../pods.ts";
import { type Cluster, startCluster } from "../start-cluster.ts";
import { podOf, withDefaults } from "../testing/objects.ts";
import { until, untilGone } from "../testing/until.ts";

let clock: ManualClock;
let cluster: Cluster;
beforeEach(async () => {
  clock = new ManualClock();
  cluster = await startCluster({ clock });
});
afterEach(() => cluster.stop());

const create = (pod: Pod) => cluster.client.resource<Pod>(pods).create(pod);
const reaches = (name: string, wanted: (pod: Pod) => boolean) => until<Pod>(cluster.client, pods, name, wanted);
const inPhase = (phase: string) => (pod: Pod) => pod.status?.phase === phase;
const container = (pod: Pod, name = "c0"): ContainerStatus | undefined =>
  pod.status?.containerStatuses?.find((status) => status.name === name);
const waitsFor = (reason: string, restarts: number) => (pod: Pod) =>
  container(pod)?.state?.waiting?.reason === reason && container(pod)?.restartCount === restarts;

describe("how a pod ends", () => {
  test.each<[policy: "Always" | "OnFailure" | "Never", command: string[], phase: string, exitCode: number]>([
    ["Never", ["true"], "Succeeded", 0],
    ["Never", ["sh", "-c", "exit 3"], "Failed", 3],
    ["OnFailure", ["true"], "Succeeded", 0],
  ])("%s, %j: %s", async (restartPolicy, command, phase, exitCode) => {
    await create(podOf("p", [{ command }], { restartPolicy }));
    const pod = await reaches("p", inPhase(phase));
    expect(container(pod)).toMatchObject({
      ready: false,
      started: false,
      restartCount: 0,
      state: { terminated: { exitCode } },
    });
    expect(podCondition(pod, "Ready")).toMatchObject({
      status: "False",
      reason: phase === "Succeeded" ? "PodCompleted" : "PodFailed",
    });
  });

  test("it is Running until its last container has ended", async () => {
    await create(podOf("p", [{ command: ["true"] }, { command: ["sleep", "60"] }], { restartPolicy: "Never" }));
    const pod = await reaches("p", (each) => container(each)?.state?.terminated !== undefined);
    expect(pod.status?.phase).toBe("Running");
    clock.advance(60_000);
    await reaches("p", inPhase("Succeeded"));
  });

  test("past its deadline it has failed, and its containers are stopped", async () => {
    await create(podOf("p", [{}], { activeDeadlineSeconds: 30, restartPolicy: "Never" }));
    await reaches("p", inPhase("Running"));
    clock.advance(30_000);
    const pod = await reaches("p", inPhase("Failed"));
    expect(pod.status).toMatchObject({
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    });
    expect(container(pod)?.state?.terminated).toBeDefined();
  });
});

test("a container that ends again and again is started ever later", async () => {
  await create(podOf("p", [{ command: ["false"] }]));
  for (const [restarts, waitMs, text] of [
    [1, 10_000, "10s"],
    [2, 20_000, "20s"],
    [3, 40_000, "40s"],
    [4, 80_000, "1m20s"],
  ] as const) {
    // Its end is shown before that it waits.
    const ended = (pod: Pod): boolean =>
      container(pod)?.restartCount === restarts && container(pod)?.state?.terminated !== undefined;
    await reaches("p", ended);
    clock.advance(1_000);
    const pod = await reaches("p", waitsFor("CrashLoopBackOff", restarts));
    expect(pod.status?.phase).toBe("Running");
    expect(container(pod)).toMatchObject({
      lastState: { terminated: { exitCode: 1, reason: "Error" } },
      state: {
        waiting: {
          message: `back-off ${text} restarting failed container=c0 pod=p_default(${pod.metadata.uid})`,
        },
      },
    });
    clock.advance(waitMs - 1_000);
  }
});

describe("init containers", () => {
  test("run one after the other, before the others", async () => {
    const initContainers = [
      { name: "first", command: ["sleep", "5"] },
      { name: "second", command: ["sleep", "5"] },
    ].map(withDefaults);
    await create(podOf("p", [{}], { initContainers }));
    const early = await reaches("p", (pod) => pod.status?.initContainerStatuses?.[0]?.state?.running !== undefined);
    expect(early.status?.phase).toBe("Pending");
    expect(podCondition(early, "Initialized")).toMatchObject({
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [first second]",
    });
    expect(container(early)?.state).toEqual({ waiting: { reason: "PodInitializing" } });
    clock.advance(5_000);
    await reaches("p", (pod) => pod.status?.initContainerStatuses?.[1]?.state?.running !== undefined);
    clock.advance(5_000);
    const pod = await reaches("p", inPhase("Running"));
    const initialized = podCondition(pod, "Initialized");
    expect(initialized).toMatchObject({ status: "True" });
    expect(initialized).not.toHaveProperty("message");
  });

  test("that fail keep the pod from starting, for good where nothing is restarted", async () => {
    const initContainers = [withDefaults({ name: "init", command: ["false"] })];
    await create(podOf("p", [{}], { initContainers, restartPolicy: "Never" }));
    const pod = await reaches("p", inPhase("Failed"));
    expect(container(pod)?.state).toEqual({ waiting: { reason: "PodInitializing" } });
  });

  test("that are sidecars run beside the others, and end with them", async () => {
    const initContainers = [withDefaults({ name: "side", restartPolicy: "Always" })];
    await create(podOf("p", [{ command: ["sleep", "5"] }], { initContainers, restartPolicy: "Never" }));
    const running = await reaches("p", inPhase("Running"));
    expect(running.status?.initContainerStatuses?.[0]).toMatchObject({ ready: true, started: true });
    clock.advance(5_000);
    const pod = await reaches("p", inPhase("Succeeded"));
    expect(pod.status?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0 });
  });
});

test("readiness waits for the probe's initial delay", async () => {
  await create(podOf("p", [{ readinessProbe: { initialDelaySeconds: 7, httpGet: { port: 80 } } as object }]));
  const early = await reaches("p", inPhase("Running"));
  expect(podCondition(early, "Ready")).toMatchObject({
    status: "False",
    reason: "ContainersNotReady",
    message: "containers with unready status: [c0]",
  });
  clock.advance(7_000);
  const pod = await reaches("p", (each) => podCondition(each, "Ready")?.status === "True");
  expect(podCondition(pod, "Ready")).not.toHaveProperty("message");
});

test("a deleted pod's containers are stopped, and then it is gone", async () => {
  await create(podOf("p", [{ command: ["sleep", "1000"] }]));
  await reaches("p", inPhase("Running"));
  const states: (string | undefined)[] = [];
  const watching = (async () => {
    for await (const { type, object } of cluster.client.resource<Pod>(pods).watch({ namespace: "default" })) {
      states.push(`${type} ${container(object)?.state?.terminated?.exitCode ?? "-"}`);
      if (type === "DELETED") return;
    }
  })();
  await cluster.client.resource(pods).delete("p", "default");
  await watching;
  expect(states).toEqual(["ADDED -", "MODIFIED -", "MODIFIED 143", "DELETED 143"]);
  await untilGone(cluster.client, pods, "p");
});

test("a pod that names a node without room is refused there", async () => {
  await create(podOf("p", [{ resources: { requests: { cpu: "64" } } }], { nodeName: "node-1" }));
  const pod = await reaches("p", inPhase("Failed"));
  expect(pod.status).toMatchObject({
    reason: "OutOfcpu",
    message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 64000, used: 0, capacity: 32000",
  });
});

test("events tell the story of its start and end", async () => {
  await create(podOf("p", [{ image: "app:1", imagePullPolicy: "IfNotPresent" }]));
  await reaches("p", inPhase("Running"));
  await cluster.client.resource(pods).delete("p", "default");
  const told = new Set<string>();
  for await (const { object } of cluster.client.resource(events).watch({ namespace: "default", timeoutSeconds: 20 })) {
    told.add(`${object["reason"]}: ${object["message"]} (${object["source"]?.component})`);
    if (told.size === 5) break;
  }
  expect([...told].sort()).toEqual([
    "Created: Container created (kubelet)",
    "Killing: Stopping container c0 (kubelet)",
    'Pulled: Container image "app:1" already present on machine and can be accessed by the pod (kubelet)',
    "Scheduled: Successfully assigned default/p to node-1 (default-scheduler)",
    "Started: Container started (kubelet)",
  ]);
});
