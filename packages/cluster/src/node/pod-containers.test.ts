import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { podOf, withDefaults } from "../testing/objects.ts";
import { ContainerConfigError } from "./environment/config-error.ts";
import { ContainerStartError, ImagePullError } from "./runtime.ts";
import { WorkerBench } from "./testing/worker-bench.ts";

test("a container that cannot be configured waits with the reason, and is tried again when an object changes", async () => {
  const bench = new WorkerBench(podOf("p", [{}]));
  bench.container = async () => {
    throw new ContainerConfigError('configmap "settings" not found');
  };
  await bench.settle();
  const waiting = { reason: "CreateContainerConfigError", message: 'configmap "settings" not found' };
  expect(bench.statusOf()?.state).toEqual({ waiting });
  expect(bench.events).toContain('Warning Failed Error: configmap "settings" not found');
  expect(bench.status.phase).toBe("Pending");
  bench.container = async () => {};
  bench.worker.retry();
  await bench.settle();
  expect(bench.stateOf()).toBe("Running");
  expect(bench.statusOf()?.restartCount).toBe(0);
});

test("a container that cannot be started shows StartError, then backs off", async () => {
  const bench = new WorkerBench(podOf("p", [{}]));
  const message = 'exec: "nope": executable file not found in $PATH';
  bench.runtime.start = () => {
    throw new ContainerStartError("RunContainerError", message, "made");
  };
  await bench.settle();
  expect(bench.statusOf()).toMatchObject({
    state: { waiting: { reason: "RunContainerError", message } },
    lastState: { terminated: { exitCode: 128, reason: "StartError", message } },
  });
  expect(bench.events).toContain(`Warning Failed Error: ${message}`);
  await bench.pass(1_000);
  expect(bench.statusOf()).toMatchObject({ restartCount: 1, state: { waiting: { reason: "RunContainerError" } } });
  await bench.pass(1_000);
  expect(bench.stateOf()).toBe("CrashLoopBackOff");
});

test("an image that cannot be pulled: ErrImagePull, ImagePullBackOff, and again later", async () => {
  const bench = new WorkerBench(podOf("p", [{ image: "registry.test/app:1" }]));
  bench.runtime.present.clear();
  bench.runtime.pull = async () => {
    throw new ImagePullError("not found");
  };
  await bench.settle();
  expect(bench.statusOf()?.state).toEqual({ waiting: { reason: "ErrImagePull", message: "not found" } });
  await bench.pass(1000);
  expect(bench.statusOf()?.state).toEqual({
    waiting: {
      reason: "ImagePullBackOff",
      message: 'Back-off pulling image "registry.test/app:1": ErrImagePull: not found',
    },
  });
  expect(bench.events).toEqual([
    'Normal Pulling Pulling image "registry.test/app:1"',
    'Warning Failed Failed to pull image "registry.test/app:1": not found',
    "Warning Failed Error: ErrImagePull",
    'Normal BackOff Back-off pulling image "registry.test/app:1"',
    "Warning Failed Error: ImagePullBackOff",
  ]);
  bench.runtime.pull = async (reference) => bench.runtime.image(reference);
  await bench.pass(9000);
  expect(bench.stateOf()).toBe("Running");
  expect(bench.events).toContain(
    'Normal Pulled Successfully pulled image "registry.test/app:1" in 0s (0s including waiting). Image size: 1000 bytes.',
  );
});

test.each([
  ["Never", "app:1", "ErrImageNeverPull", 'Container image "app:1" is not present with pull policy of Never'],
  [
    "IfNotPresent",
    "Big",
    "InvalidImageName",
    'Failed to apply default image tag "Big": couldn\'t parse image name "Big": invalid reference format: repository name (library/Big) must be lowercase',
  ],
])("pull policy %s and image %s: %s", async (imagePullPolicy, image, reason, message) => {
  const bench = new WorkerBench(podOf("p", [{ image, imagePullPolicy }]));
  bench.runtime.present.clear();
  await bench.settle();
  expect(bench.statusOf()?.state).toEqual({ waiting: { reason, message } });
  expect(bench.events).toContain(`Warning Failed Error: ${reason}`);
});

test("credentials of the pod's Secrets go with the pull", async () => {
  const bench = new WorkerBench(podOf("p", [{ image: "registry.test:5000/team/app:1" }]));
  bench.runtime.present.clear();
  const config = { auths: { "https://registry.test:5000": { auth: Buffer.from("me:secret").toString("base64") } } };
  bench.secrets = [
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": Buffer.from(JSON.stringify(config)).toString("base64") },
    },
  ];
  const used: unknown[] = [];
  bench.runtime.pull = async (reference, { credentials }) => {
    used.push(...credentials);
    return bench.runtime.image(reference);
  };
  await bench.settle();
  expect(used).toEqual([{ username: "me", password: "secret", server: "https://registry.test:5000" }]);
});

test("runAsNonRoot keeps an image of root from running", async () => {
  const bench = new WorkerBench(podOf("p", [{ securityContext: { runAsNonRoot: true } }]));
  await bench.settle();
  expect(bench.statusOf()?.state?.waiting).toEqual({
    reason: "CreateContainerConfigError",
    message: 'container has runAsNonRoot and image will run as root (pod: "p_default(uid-1)", container: c0)',
  });
});

describe("probes", () => {
  const failing = async () => ({ exitCode: 1, output: "no\n", timedOut: false });

  test("liveness ends the container, with the grace of the probe, and it is started again", async () => {
    const livenessProbe = { exec: { command: ["check"] }, periodSeconds: 5, terminationGracePeriodSeconds: 7 };
    const bench = new WorkerBench(podOf("p", [{ livenessProbe }], { terminationGracePeriodSeconds: 60 }));
    bench.runtime.execSync = failing;
    await bench.settle();
    expect(bench.statusOf()).toMatchObject({ ready: true, started: true });
    await bench.pass(11_000);
    expect(bench.events.filter((text) => text.includes("Unhealthy"))).toEqual(
      Array(3).fill("Warning Unhealthy Liveness probe failed: no\n"),
    );
    expect(bench.events).toContain("Normal Killing Container c0 failed liveness probe, will be restarted");
    expect(bench.runtime.calls).toContain("stop c0-0 7000");
    expect(bench.statusOf()).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 143 } } });
  });

  test("startup holds back readiness and liveness; readiness comes and goes", async () => {
    const startupProbe = { exec: { command: ["up"] }, periodSeconds: 1, failureThreshold: 30 };
    const readinessProbe = { exec: { command: ["ready"] }, periodSeconds: 1, failureThreshold: 1 };
    const bench = new WorkerBench(podOf("p", [{ startupProbe, readinessProbe }]));
    const fine = new Set<string>();
    const asked: string[] = [];
    bench.runtime.execSync = async (_id, [name = ""]) => {
      asked.push(name);
      return { exitCode: fine.has(name) ? 0 : 1, output: "", timedOut: false };
    };
    await bench.pass(3000);
    expect(bench.statusOf()).toMatchObject({ started: false, ready: false });
    expect(asked).not.toContain("ready");
    fine.add("up");
    await bench.pass(2000);
    expect(bench.statusOf()).toMatchObject({ started: true, ready: false });
    fine.add("ready");
    await bench.pass(2000);
    expect(bench.statusOf()?.ready).toBe(true);
    fine.delete("ready");
    await bench.pass(2000);
    expect(bench.statusOf()?.ready).toBe(false);
  });

  test("one that hangs has failed when its time is up, and the next comes on time", async () => {
    const readinessProbe = { exec: { command: ["hang", "on"] }, periodSeconds: 10, timeoutSeconds: 2 };
    const bench = new WorkerBench(podOf("p", [{ readinessProbe }]));
    bench.runtime.execSync = () => new Promise(() => {});
    await bench.pass(5000);
    expect(bench.events).toContain(
      'Warning Unhealthy Readiness probe failed: command timed out: "hang on" timed out after 2s',
    );
  });

  test("http: the status counts, and the answer does not have to come", async () => {
    let status = 500;
    const server = createServer((_request, response) => {
      if (status > 0) response.writeHead(status).end("body");
    }).listen(0, "127.0.0.1");
    await vi.waitFor(() => expect(server.listening).toBe(true));
    const { port } = server.address() as AddressInfo;
    const readinessProbe = { httpGet: { host: "127.0.0.1", port, path: "/x" }, periodSeconds: 1, failureThreshold: 1 };
    const bench = new WorkerBench(podOf("p", [{ readinessProbe }]));
    try {
      await bench.settle();
      bench.clock.advance(500);
      await vi.waitFor(() => expect(bench.events).toContain(unhealthy("HTTP probe failed with statuscode: 500")));
      status = 204;
      bench.clock.advance(1000);
      await vi.waitFor(() => expect(bench.statusOf()?.ready).toBe(true));
      status = 0;
      await bench.settle();
      bench.clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      bench.clock.advance(1000);
      const late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
      await vi.waitFor(() => {
        expect(bench.events).toContain(unhealthy(`Get "http://127.0.0.1:${port}/x": ${late}`));
      });
      expect(bench.statusOf()?.ready).toBe(false);
    } finally {
      server.closeAllConnections();
      server.close();
      await bench.worker.close();
    }
  });

  test("tcp: a closed port is refused", async () => {
    const readinessProbe = { tcpSocket: { host: "127.0.0.1", port: 1 } };
    const bench = new WorkerBench(podOf("p", [{ readinessProbe }]));
    await bench.settle();
    bench.clock.advance(500);
    const text = "dial tcp 127.0.0.1:1: connect: connection refused";
    await vi.waitFor(() => expect(bench.events).toContain(unhealthy(text)));
    await bench.worker.close();
  });

  const unhealthy = (text: string): string => `Warning Unhealthy Readiness probe failed: ${text}`;
});

describe("postStart", () => {
  test("until it is through nobody hears that the container runs", async () => {
    const hook = Promise.withResolvers<void>();
    const bench = new WorkerBench(podOf("p", [{ lifecycle: { postStart: { exec: { command: ["warm"] } } } }, {}]));
    bench.runtime.execSync = async () => {
      await hook.promise;
      return { exitCode: 0, output: "", timedOut: false };
    };
    await bench.settle();
    expect(bench.stateOf()).toBe("ContainerCreating");
    expect(bench.runtime.calls).not.toContain("start c1-0");
    expect(bench.status.phase).toBe("Pending");
    hook.resolve();
    await bench.settle();
    expect([bench.stateOf(), bench.stateOf("c1")]).toEqual(["Running", "Running"]);
  });

  test("when it fails, the container is ended and started again", async () => {
    const bench = new WorkerBench(podOf("p", [{ lifecycle: { postStart: { exec: { command: ["warm", "up"] } } } }]));
    bench.runtime.execSync = async () => ({ exitCode: 3, output: "cold", timedOut: false });
    await bench.settle();
    expect(bench.events).toContain("Warning FailedPostStartHook PostStartHook failed");
    expect(bench.events).toContain("Normal Killing FailedPostStartHook");
    await bench.settle();
    expect(bench.statusOf()?.lastState?.terminated?.exitCode).toBe(143);
    await bench.worker.close();
  });
});

describe("termination messages", () => {
  test("are read from the file, 4096 bytes at most", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pw-"));
    const path = join(folder, "message");
    const bench = new WorkerBench(podOf("p", [{}], { restartPolicy: "Never" }));
    bench.terminationLog = () => path;
    await bench.settle();
    await writeFile(path, `${"x".repeat(5000)}end`);
    bench.runtime.end("c0", 0);
    await vi.waitFor(() => expect(bench.status.phase).toBe("Succeeded"));
    const message = bench.statusOf()?.state?.terminated?.message ?? "";
    expect([message.length, message.endsWith("end")]).toEqual([4096, true]);
    await rm(folder, { recursive: true });
  });

  test("come from the log after a failure when asked for", async () => {
    const containers = [{ terminationMessagePolicy: "FallbackToLogsOnError" as const }];
    const bench = new WorkerBench(podOf("p", containers, { restartPolicy: "Never" }));
    bench.runtime.lines = ["one\n", "two\n"];
    await bench.settle();
    bench.runtime.end("c0", 1);
    await bench.settle();
    expect(bench.statusOf()?.state?.terminated).toMatchObject({ exitCode: 1, message: "one\ntwo\n" });
  });
});

test("an ephemeral container is started beside the others and never again", async () => {
  const bench = new WorkerBench(podOf("p", [{}]));
  await bench.settle();
  bench.runtime.present.add("tools:1");
  bench.change(({ spec }) => {
    spec.ephemeralContainers = [withDefaults({ name: "debugger", image: "tools:1", targetContainerName: "c0" })];
  });
  await bench.settle();
  expect(bench.status.ephemeralContainerStatuses?.[0]).toMatchObject({ name: "debugger", state: { running: {} } });
  bench.runtime.end("debugger", 1);
  await bench.pass(60_000);
  expect(bench.stateOf("debugger")).toBe("Error");
  expect(bench.runtime.calls.filter((call) => call.startsWith("start debugger"))).toHaveLength(1);
  expect(bench.status.phase).toBe("Running");
});
