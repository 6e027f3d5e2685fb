/** How containers and pods come to their ends, and what kubectl calls it meanwhile. */
import { pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { nodeLaneMissing } from "../node-lane.ts";
import { type Beside, container, first, hasPhase, type NodeScene, openNodeScene, patience, sleeps } from "./scene.ts";

const says = (script: string) => ({ command: ["sh", "-c", script] });
const why = nodeLaneMissing === undefined ? "" : ` (${nodeLaneMissing})`;

describe.skipIf(nodeLaneMissing !== undefined)(`How pods end${why}`, { timeout: 90_000, concurrent: true }, () => {
  let scene: NodeScene;
  let watching: Beside;
  beforeAll(async () => {
    scene = await openNodeScene("ends");
    watching = await scene.kubectlBeside("get", "pods", "--watch", "--no-headers");
  });
  afterAll(async () => {
    await watching?.end();
    await scene?.lane.close();
  });

  /** What STATUS said of a pod, one after the other. */
  const statuses = (name: string): string[] => {
    const lines = watching
      .output()
      .split("\n")
      .map((line) => line.split(/\s+/));
    const said = lines.filter(([pod]) => pod === name).map(([, , status]) => status as string);
    return said.filter((status, index) => status !== said[index - 1]);
  };
  const shows = (name: string, ...wanted: string[]) =>
    vi.waitFor(() => expect(statuses(name).filter((status) => wanted.includes(status))).toEqual(wanted), patience);
  /** The same, of those alone and no more than these. */
  const begins = (name: string, ...wanted: string[]) =>
    vi.waitFor(() => {
      const said = statuses(name).filter((status) => wanted.includes(status));
      expect(said.slice(0, wanted.length)).toEqual(wanted);
    }, patience);
  const deletes = (name: string) => scene.lane.client.resource(pods).delete(name, scene.namespace);

  test("never again: Completed or Error", async () => {
    await scene.make("never-ok", [says("exit 0")], { restartPolicy: "Never" });
    await scene.make("never-bad", [says("exit 4")], { restartPolicy: "Never" });
    const good = await scene.reaches("never-ok", hasPhase("Succeeded"));
    const bad = await scene.reaches("never-bad", hasPhase("Failed"));
    expect(first(good)).toMatchObject({ restartCount: 0, ready: false, state: { terminated: { exitCode: 0 } } });
    expect(first(bad)).toMatchObject({ restartCount: 0, ready: false, state: { terminated: { exitCode: 4 } } });
    const reasons = (pod: KubeObject) =>
      pod["status"].conditions.map(({ type, status, reason }: Record<string, string>) => [type, status, reason]);
    expect(reasons(good)).toEqual(
      expect.arrayContaining([
        ["Initialized", "True", "PodCompleted"],
        ["Ready", "False", "PodCompleted"],
        ["ContainersReady", "False", "PodCompleted"],
      ]),
    );
    expect(reasons(bad)).toEqual(expect.arrayContaining([["Ready", "False", "PodFailed"]]));
    await shows("never-ok", "Completed");
    await shows("never-bad", "Error");
  });

  test("on failure: until it goes well", async () => {
    const once = says("if [ -e /v/x ]; then exit 0; fi; touch /v/x; exit 1");
    const volumes = [{ name: "v", emptyDir: {} }];
    const volumeMounts = [{ name: "v", mountPath: "/v" }];
    await scene.make("on-failure", [{ ...once, volumeMounts }], { restartPolicy: "OnFailure", volumes });
    const pod = await scene.reaches("on-failure", hasPhase("Succeeded"));
    expect(first(pod)).toMatchObject({ restartCount: 1 });
    await shows("on-failure", "Error", "Completed");
  });

  test("always: also when it went well, ever later", async () => {
    await scene.make("always", [says("sleep 1; exit 0")]);
    await begins("always", "Completed", "Completed", "CrashLoopBackOff", "Completed");
    const pod = await scene.reaches("always", (each) => first(each).restartCount >= 2);
    expect(pod["status"].phase).toBe("Running");
    await deletes("always");
  });

  test("one init container after the other, each with its own end", async () => {
    const initContainers = [
      container({ name: "one", ...says("sleep 1") }),
      container({ name: "two", ...says("sleep 1; exit 3") }),
    ];
    await scene.make("init-bad", [{}], { initContainers });
    await begins("init-bad", "Init:0/2", "Init:1/2", "Init:Error", "Init:1/2", "Init:Error", "Init:CrashLoopBackOff");
    const { status } = await scene.reaches(
      "init-bad",
      (pod) => pod["status"]?.initContainerStatuses?.[1].restartCount > 0,
    );
    expect(status.phase).toBe("Pending");
    expect(status.containerStatuses[0].state).toEqual({ waiting: { reason: "PodInitializing" } });
    expect(status.conditions).toContainEqual(
      expect.objectContaining({
        type: "Initialized",
        reason: "ContainersNotInitialized",
        message: "containers with incomplete status: [two]",
      }),
    );
    await deletes("init-bad");
    await scene.make("init-never", [{}], { initContainers, restartPolicy: "Never" });
    await scene.reaches("init-never", hasPhase("Failed"));
    await shows("init-never", "Init:Error");
  });

  test("a sidecar starts before and ends after what it stands beside", async () => {
    const line = (what: string) => `echo ${what} >> /v/order`;
    const volumeMounts = [{ name: "v", mountPath: "/v" }];
    const side = container({
      name: "side",
      restartPolicy: "Always",
      volumeMounts,
      ...says(
        `${line("side-up")}; trap '${line("side-down")}; cat /v/order; exit 0' TERM; while :; do sleep 0.1; done`,
      ),
      startupProbe: { exec: { command: ["test", "-e", "/v/order"] }, periodSeconds: 1 },
    });
    const main = { volumeMounts, ...says(`${line("main-up")}; sleep 1; ${line("main-down")}`) };
    const volumes = [{ name: "v", emptyDir: {} }];
    await scene.make("beside", [main], { initContainers: [side], restartPolicy: "Never", volumes });
    const { status } = await scene.reaches("beside", hasPhase("Succeeded"));
    expect(status.initContainerStatuses[0].state.terminated.exitCode).toBe(0);
    const { stdout } = await scene.kubectl(["logs", "beside", "-c", "side"]);
    expect(stdout).toBe("side-up\nmain-up\nmain-down\nside-down\n");
  });

  test("deleted: preStop first, then the signal, then no mercy; the sidecar last", async () => {
    const stubborn = {
      ...says("trap 'echo asked' TERM; echo up; while :; do sleep 0.1; done"),
      lifecycle: { preStop: { exec: { command: ["sh", "-c", "echo hook > /proc/1/fd/1"] } } },
    };
    await scene.make("deleted", [stubborn], {
      initContainers: [container({ name: "side", restartPolicy: "Always" })],
    });
    await scene.isReady("deleted");
    const log = await scene.kubectlBeside("logs", "-f", "deleted", "-c", "c");
    await vi.waitFor(() => expect(log.output()).toContain("up\n"), patience);
    const ended = scene.reaches("deleted", (pod) => first(pod).state.terminated !== undefined);
    await deletes("deleted");
    const pod = await ended;
    expect(first(pod).state.terminated).toMatchObject({ exitCode: 137, reason: "Error" });
    await scene.isGone("deleted");
    await vi.waitFor(() => expect(log.output()).toBe("up\nhook\nasked\n"), patience);
    await log.end();
    await shows("deleted", "Running", "Terminating");
    await scene.tells("deleted", "Normal Killing Stopping container c");
  });

  test("postStart is through before a pod is ready", async () => {
    const lifecycle = { postStart: { exec: { command: ["sh", "-c", "sleep 1; touch /tmp/done"] } } };
    const readinessProbe = { exec: { command: ["test", "-e", "/tmp/done"] }, periodSeconds: 1 };
    await scene.make("hooked", [{ lifecycle, readinessProbe }]);
    await scene.isReady("hooked");
    expect(await scene.told("hooked")).not.toContainEqual(expect.stringContaining("Unhealthy"));
  });

  test("the end's message is what a file says, or the last of the log", async () => {
    const long = says("head -c 5000 /dev/zero | tr '\\0' x > /tmp/why; exit 1");
    const lines = says("i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i+1)); done; exit 1");
    await scene.make(
      "messages",
      [
        { name: "file", terminationMessagePath: "/tmp/why", ...long },
        { name: "log", terminationMessagePolicy: "FallbackToLogsOnError", ...lines },
        { name: "well", terminationMessagePolicy: "FallbackToLogsOnError", ...says("echo all is well") },
      ],
      { restartPolicy: "Never" },
    );
    const { status } = await scene.reaches("messages", hasPhase("Failed"));
    const messages = status.containerStatuses.map(({ state }: KubeObject) => state.terminated.message);
    expect(messages[0]).toBe("x".repeat(4096));
    expect(messages[1].split("\n").slice(-3)).toEqual(["line 98", "line 99", ""]);
    expect(messages[1].split("\n").length).toBeLessThanOrEqual(81);
    expect(messages[2]).toBeUndefined();
  });

  test("one container that fails among those that go on", async () => {
    await scene.make("partly", [{}, { name: "bad", ...says("exit 1") }], { restartPolicy: "Never" });
    const pod = await scene.reaches("partly", (each) => first(each)?.state.terminated);
    expect(pod["status"].phase).toBe("Running");
    await shows("partly", "Error");
    const { stdout } = await scene.kubectl(["get", "pod", "partly", "--no-headers"]);
    expect(stdout).toMatch(/^partly +1\/2 +Error +0 /);
  });

  test("a deadline ends what waits for its init container too", async () => {
    const initContainers = [container({ name: "init", command: sleeps })];
    await scene.make("overdue", [{}], { initContainers, activeDeadlineSeconds: 2 });
    const { status } = await scene.reaches("overdue", hasPhase("Failed"));
    expect(status.reason).toBe("DeadlineExceeded");
    await scene.tells(
      "overdue",
      "Normal DeadlineExceeded Pod was active on the node longer than the specified deadline",
    );
  });
});
