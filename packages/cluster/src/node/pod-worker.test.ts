import { EventRecorder, ManualClock } from "@podwright/client";
import { expect, test } from "vitest";
import type { Pod } from "../kinds.ts";
import { podCondition } from "../pods.ts";
import { startCluster } from "../start-cluster.ts";
import { podOf } from "../testing/objects.ts";
import { PullSlots } from "./images/pull-slots.ts";
import { NodeObjects } from "./objects/node-objects.ts";
import { filelessPodSetup } from "./pod-setup.ts";
import { PodWorker } from "./pod-worker.ts";
import { directConnect } from "./probes/connect.ts";
import { SimulatedRuntime } from "./runtimes/simulated/runtime.ts";

test("a pod that its agent leaves is what it was, not over", async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const clock = new ManualClock();
  const recorder = new EventRecorder(cluster.client, { component: "kubelet", clock });
  const pod = podOf("p", [{ command: ["sh", "-c", "exit 3"] }]);
  pod.metadata.uid = "a";
  const crashed = Promise.withResolvers<void>();
  const worker: PodWorker = new PodWorker(pod, {
    runtime: new SimulatedRuntime({
      clock,
      events: { exited: (id, exit) => worker.exited(id, exit) },
      podCidr: "10.0.0.0/24",
    }),
    setup: filelessPodSetup({
      objects: new NodeObjects({ client: cluster.client, clock }),
      services: () => [],
      node: () => ({ apiVersion: "v1", kind: "Node", metadata: { name: "n" } }),
      changed: () => {},
    }),
    connect: directConnect,
    pulls: new PullSlots(1),
    resize: { resize: () => undefined },
    clock,
    recorder,
    hostIp: "10.0.0.1",
    refuse: async () => undefined,
    changed: () => {
      if (worker.status()?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff") crashed.resolve();
    },
    started: () => {},
    failed: (_worker, error) => crashed.reject(error),
  });
  worker.start();
  for (let second = 0; second < 30; second++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (worker.status()?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff") break;
    clock.advance(1000);
  }
  await crashed.promise;
  await worker.close();
  expect(worker.isOver).toBe(false);
  const left = { ...pod, status: worker.status() } as Pod;
  expect(left.status?.phase).toBe("Running");
  expect(podCondition(left, "PodReadyToStartContainers")?.status).toBe("True");
  await recorder.stop();
});
