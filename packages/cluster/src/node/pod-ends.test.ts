import { describe, expect, test } from "vitest";
import { podCondition } from "../pods.ts";
import { podOf, withDefaults } from "../testing/objects.ts";
import { WorkerBench } from "./testing/worker-bench.ts";
import { VolumeError } from "./volumes/volume-error.ts";

const preStop = { exec: { command: ["leave"] } };

describe("a pod that is deleted", () => {
  test("ends its containers, then everything else is removed", async () => {
    const bench = new WorkerBench(podOf("p", [{}, {}]));
    await bench.settle();
    bench.delete(30);
    await bench.settle();
    expect(bench.worker.isOver).toBe(true);
    expect(bench.runtime.calls.slice(-5)).toEqual([
      "stop c0-0 30000",
      "stop c1-0 30000",
      "stop-sandbox p",
      "remove-pod p",
      "release uid-1",
    ]);
    expect(bench.events.slice(-2)).toEqual([
      "Normal Killing Stopping container c0",
      "Normal Killing Stopping container c1",
    ]);
    expect(bench.statusOf()?.state?.terminated?.exitCode).toBe(143);
    expect(podCondition({ ...bench.pod, status: bench.status }, "Ready")?.status).toBe("False");
  });

  test("has its preStop hooks run; what they take is not left for the containers", async () => {
    const bench = new WorkerBench(podOf("p", [{ lifecycle: { preStop } }]));
    await bench.settle();
    bench.runtime.execSync = async () => {
      await new Promise<void>((resolve) => bench.clock.after(5000, resolve));
      return { exitCode: 0, output: "", timedOut: false };
    };
    bench.delete(30);
    await bench.pass(5000);
    expect(bench.runtime.calls).toContain("stop c0-0 25000");
  });

  test("is ended though a preStop hook hangs", async () => {
    const bench = new WorkerBench(podOf("p", [{ lifecycle: { preStop } }]));
    await bench.settle();
    bench.runtime.execSync = () => new Promise(() => {});
    bench.delete(10);
    await bench.pass(9000);
    expect(bench.worker.isOver).toBe(false);
    await bench.pass(1000);
    expect(bench.runtime.calls).toContain("stop c0-0 2000");
    expect(bench.worker.isOver).toBe(true);
  });

  test("is left as it is when its agent goes, and nobody is told that it failed", async () => {
    const bench = new WorkerBench(podOf("p", [{ lifecycle: { preStop } }, {}]));
    bench.runtime.stubborn.add("c1");
    await bench.settle();
    bench.runtime.execSync = () => new Promise(() => {});
    const stop = bench.runtime.stopContainer.bind(bench.runtime);
    const closing = Promise.withResolvers<never>();
    bench.runtime.stopContainer = (id, graceMs) => Promise.race([stop(id, graceMs), closing.promise]);
    bench.delete(30);
    await bench.settle();
    // As an agent ends: the runtime after the workers, and what it was asked fails.
    const closed = bench.worker.close();
    closing.reject(new Error("the connection was closed"));
    await closed;
    await bench.pass(60_000);
    expect(bench.runtime.calls.filter((call) => call.startsWith("stop"))).toEqual(["stop c1-0 30000"]);
    expect(bench.events.filter((event) => event.startsWith("Warning"))).toEqual([]);
    expect(bench.failures).toEqual([]);
  });

  test("tells of a preStop hook that fails, and goes on", async () => {
    const bench = new WorkerBench(podOf("p", [{ lifecycle: { preStop } }]));
    await bench.settle();
    bench.runtime.execSync = async () => ({ exitCode: 1, output: "", timedOut: false });
    bench.delete(10);
    await bench.settle();
    expect(bench.events).toContain("Warning FailedPreStopHook PreStopHook failed");
    expect(bench.worker.isOver).toBe(true);
  });

  test("may be told to hurry", async () => {
    const bench = new WorkerBench(podOf("p", [{}]));
    bench.runtime.stubborn.add("c0");
    await bench.settle();
    bench.delete(3600);
    await bench.pass(5000);
    bench.delete(1);
    await bench.pass(3000);
    expect(bench.worker.isOver).toBe(true);
    expect(bench.statusOf()?.state?.terminated?.exitCode).toBe(137);
  });

  test("while its image is pulled leaves nothing", async () => {
    const bench = new WorkerBench(podOf("p", [{ imagePullPolicy: "Always" }]));
    bench.runtime.pull = (_reference, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    await bench.settle();
    bench.delete(30);
    await bench.settle();
    expect(bench.runtime.calls.slice(-3)).toEqual(["stop-sandbox p", "remove-pod p", "release uid-1"]);
    expect(bench.events.filter((text) => text.includes("Failed"))).toEqual([]);
    expect(bench.worker.isOver).toBe(true);
  });

  test("while its sandbox is made leaves nothing", async () => {
    const made = Promise.withResolvers<{ ip: string }>();
    const bench = new WorkerBench(podOf("p", [{}]));
    bench.runtime.sandbox = () => made.promise;
    await bench.settle();
    bench.worker.remove();
    made.resolve({ ip: "10.1.0.9" });
    await bench.settle();
    expect(bench.runtime.calls).toEqual(["sandbox p", "stop-sandbox p", "remove-pod p", "release uid-1"]);
  });
});

test("sidecars end after the others, the last one first", async () => {
  const initContainers = ["one", "two"].map((name) => withDefaults({ name, restartPolicy: "Always" }));
  const bench = new WorkerBench(podOf("p", [{}], { initContainers }));
  await bench.settle();
  await bench.settle();
  expect(bench.status.phase).toBe("Running");
  bench.delete(30);
  await bench.settle();
  expect(bench.runtime.calls.filter((call) => call.startsWith("stop "))).toEqual([
    "stop c0-0 30000",
    "stop two-0 30000",
    "stop one-0 30000",
  ]);
});

test("when its sandbox is lost it begins anew, with its init containers", async () => {
  const initContainers = [withDefaults({ name: "init" })];
  const bench = new WorkerBench(podOf("p", [{}], { initContainers }));
  await bench.settle();
  bench.runtime.end("init", 0);
  await bench.settle();
  expect(bench.stateOf()).toBe("Running");
  bench.runtime.sandbox = async () => ({ ip: "10.1.0.6" });
  bench.worker.sandboxLost();
  await bench.settle();
  expect(bench.events).toContain("Normal SandboxChanged Pod sandbox changed, it will be killed and re-created.");
  expect(bench.status.podIP).toBe("10.1.0.6");
  bench.runtime.end("init", 0);
  await bench.settle();
  expect(bench.statusOf()).toMatchObject({ restartCount: 1, state: { running: {} } });
});

test("a sandbox or a volume that cannot be made is told and tried again", async () => {
  const bench = new WorkerBench(podOf("p", [{}]));
  bench.prepare = async () => {
    throw new VolumeError(['MountVolume.SetUp failed for volume "v" : secret "s" not found']);
  };
  await bench.settle();
  expect(bench.events).toEqual(['Warning FailedMount MountVolume.SetUp failed for volume "v" : secret "s" not found']);
  expect(bench.stateOf()).toBe("ContainerCreating");
  bench.prepare = async () => {};
  bench.runtime.sandbox = async () => {
    throw new Error("no network");
  };
  bench.worker.retry();
  await bench.settle();
  expect(bench.events[1]).toBe("Warning FailedCreatePodSandBox Failed to create pod sandbox: no network");
  bench.runtime.sandbox = async () => ({ ip: "10.1.0.7" });
  await bench.pass(5000);
  expect(bench.stateOf()).toBe("Running");
  expect(bench.failures).toEqual([]);
});

describe("resources of a running container", () => {
  const spec = { resources: { requests: { cpu: "100m" }, limits: { cpu: "200m" } } };
  const raise = (bench: WorkerBench): void =>
    bench.change((pod) => {
      const container = pod.spec.containers[0];
      if (container) container.resources = { requests: { cpu: "150m" }, limits: { cpu: "300m" } };
    });

  test("are changed in place", async () => {
    const bench = new WorkerBench(podOf("p", [spec]));
    await bench.settle();
    expect(bench.statusOf()).toMatchObject({ allocatedResources: { cpu: "100m" }, resources: spec.resources });
    raise(bench);
    await bench.settle();
    expect(bench.runtime.calls.at(-1)).toBe('update c0-0 {"requests":{"cpu":"150m"},"limits":{"cpu":"300m"}}');
    expect(bench.statusOf()).toMatchObject({ restartCount: 0, resources: { limits: { cpu: "300m" } } });
    expect(bench.status.conditions?.some(({ type }) => type.startsWith("PodResize"))).toBe(false);
  });

  test("are changed by a restart where the container wants that", async () => {
    const resizePolicy = [{ resourceName: "cpu", restartPolicy: "RestartContainer" as const }];
    const bench = new WorkerBench(podOf("p", [{ ...spec, resizePolicy }]));
    await bench.settle();
    raise(bench);
    await bench.settle();
    expect(bench.statusOf()).toMatchObject({ restartCount: 1, resources: { limits: { cpu: "300m" } } });
  });

  test("wait where the node has no room", async () => {
    const refusal = { reason: "Deferred", message: "Node didn't have enough resource: cpu" } as const;
    const bench = new WorkerBench(podOf("p", [spec]), { resize: { resize: () => refusal } });
    await bench.settle();
    raise(bench);
    await bench.settle();
    expect(bench.status.conditions).toContainEqual(expect.objectContaining({ type: "PodResizePending", ...refusal }));
    expect(bench.statusOf()).toMatchObject({ allocatedResources: { cpu: "100m" }, resources: spec.resources });
  });
});

test("of the runs of a container only the last but one is kept", async () => {
  const bench = new WorkerBench(podOf("p", [{}]));
  for (let run = 0; run < 4; run++) {
    await bench.settle();
    bench.runtime.end("c0", 1);
    await bench.pass(301_000);
  }
  expect(bench.runtime.calls.filter((call) => call.startsWith("remove "))).toEqual([
    "remove c0-0",
    "remove c0-1",
    "remove c0-2",
  ]);
});
