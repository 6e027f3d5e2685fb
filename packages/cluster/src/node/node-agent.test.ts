import { type EventRecorder, ManualClock, silentLogger } from "@podwright/client";
import { expect, test, vi } from "vitest";
import type { Node, Pod } from "../kinds.ts";
import { podOf } from "../testing/objects.ts";
import { NodeAgent } from "./node-agent.ts";
import type { PodSetups } from "./pod-setups.ts";
import type { RuntimeEvents } from "./runtime.ts";
import type { NodeRuntimes } from "./runtimes/node-runtimes.ts";
import { ScriptedRuntime } from "./testing/scripted-runtime.ts";

const node: Node = { apiVersion: "v1", kind: "Node", metadata: { name: "n" }, status: { allocatable: { pods: "10" } } };

function agentWith() {
  const clock = new ManualClock();
  const swept: string[][] = [];
  const told: (string | undefined)[] = [];
  let runtime: ScriptedRuntime | undefined;
  const setups = {
    of: () => ({
      prepare: () => undefined,
      update: () => {},
      sandbox: () => ({ hostname: "", dns: undefined, sysctls: {}, directory: "" }),
      container: async () => ({ env: [], mounts: [], supplementalGroups: [], logDirectory: "" }),
      terminationLog: () => undefined,
      pullSecrets: async () => ({ found: [], missing: [] }),
      release: async () => {},
    }),
    sweep: async (known: ReadonlySet<string>) => void swept.push([...known]),
    stop: async () => {},
  } as unknown as PodSetups;
  const agent = new NodeAgent({
    node,
    latestNode: async () => node,
    runtimes: (events: RuntimeEvents) => {
      runtime = new ScriptedRuntime(clock, events);
      runtime.present.add("busybox:1");
      const main = runtime;
      return { main, of: () => main, all: () => [main], close: () => main.close() } as unknown as NodeRuntimes;
    },
    setups,
    clock,
    recorder: { event: () => {} } as unknown as EventRecorder,
    logger: silentLogger,
    changed: () => {},
    health: (problem) => told.push(problem),
  });
  return { agent, runtime: runtime as unknown as ScriptedRuntime, swept, told };
}

const withUid = (pod: Pod, uid: string): Pod => ({ ...pod, metadata: { ...pod.metadata, uid } });

test("what runtimes and the disk hold of pods that nobody knows is removed, and nothing else", async () => {
  const { agent, runtime, swept } = agentWith();
  agent.onPod(withUid(podOf("known", [{}]), "1"));
  await vi.waitFor(() => expect(runtime.calls).toContain("start c0-0"));
  runtime.held = ["1", "2"].map((uid) => ({ uid, namespace: "default", name: uid === "1" ? "known" : "orphan" }));
  await agent.cleanUp();
  expect(runtime.calls.filter((call) => call.startsWith("remove-pod"))).toEqual(["remove-pod orphan"]);
  expect(swept).toEqual([["1"]]);
  await agent.stop();
});

test("a pod that is gone from the server ends, and what there is of it is removed", async () => {
  const { agent, runtime } = agentWith();
  const pod = withUid(podOf("p", [{}]), "1");
  agent.onPod(pod);
  await vi.waitFor(() => expect(runtime.calls).toContain("start c0-0"));
  agent.onPodDeleted(pod);
  await vi.waitFor(() => expect(runtime.calls.slice(-3)).toEqual(["stop c0-0 2000", "stop-sandbox p", "remove-pod p"]));
  await agent.stop();
});

test("the node says why it can run no pods", async () => {
  const { agent, runtime, told } = agentWith();
  runtime.events.health?.("no answer");
  runtime.events.health?.("no answer");
  expect(agent.problem).toBe("container runtime is down: no answer");
  runtime.events.health?.(undefined);
  expect(told).toEqual(["container runtime is down: no answer", undefined]);
  await agent.stop();
});
