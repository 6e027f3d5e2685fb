import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { events, pods } from "@podwright/client";
import { until, untilGone } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { onRealCluster } from "../lane.ts";
import { type NodeLane, nodeLaneMissing, openNodeLane } from "../node-lane.ts";

const patience = { timeout: 60_000, interval: 300 };
const sleeps = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];

describe.skipIf(nodeLaneMissing !== undefined)(`How pods live and end (${nodeLaneMissing ?? "real"})`, () => {
  let lane: NodeLane;
  let namespace: string;
  beforeAll(async () => {
    lane = await openNodeLane();
    namespace = await lane.namespace("life");
  });
  afterAll(() => lane?.close());

  const containerOf = (more: object): object => ({
    name: "c",
    image: "busybox:1.36",
    imagePullPolicy: "IfNotPresent",
    command: sleeps,
    ...more,
  });
  const make = (name: string, containers: object[], spec: object = {}): Promise<KubeObject> =>
    lane.client.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace },
      spec: {
        nodeName: lane.node,
        terminationGracePeriodSeconds: 5,
        automountServiceAccountToken: false,
        containers: containers.map(containerOf),
        ...spec,
      },
    });
  const reaches = (name: string, wanted: (pod: KubeObject) => boolean) =>
    until(lane.client, pods, name, wanted, namespace, 60);
  const first = ({ status }: KubeObject) => status?.containerStatuses?.[0];
  const waitsFor = (reason: string) => (pod: KubeObject) => first(pod)?.state?.waiting?.reason === reason;
  const kubectl = (...args: string[]) => lane.kubectl(["-n", namespace, ...args]);
  /** The events of a pod, as "Warning Failed message". */
  async function told(name: string): Promise<string[]> {
    const fieldSelector = `involvedObject.name=${name}`;
    const { items } = await lane.client.resource(events).list({ namespace, fieldSelector });
    return items.map((event) => `${event["type"]} ${event["reason"]} ${event["message"]}`);
  }
  const tells = (name: string, text: string | RegExp) =>
    vi.waitFor(async () => expect(await told(name)).toContainEqual(expect.stringMatching(text)), patience);

  test("init containers come first, one by one, and sidecars go on", async () => {
    const initContainers = [
      containerOf({ name: "one", command: ["sh", "-c", "sleep 2"] }),
      containerOf({
        name: "side",
        restartPolicy: "Always",
        startupProbe: { exec: { command: ["true"] }, periodSeconds: 1 },
      }),
    ];
    const seen = new Set<string>();
    const watching = vi.waitFor(
      async () => {
        const { stdout } = await kubectl("get", "pod", "init", "--no-headers");
        seen.add(stdout.trim().split(/\s+/)[2] as string);
        expect([...seen]).toContain("Running");
      },
      { ...patience, interval: 50 },
    );
    await make("init", [{}], { initContainers });
    await watching;
    expect([...seen]).toEqual(expect.arrayContaining(["Init:0/2", "Running"]));
    const pod = await reaches("init", (each) => first(each)?.ready);
    expect(pod["status"].initContainerStatuses).toMatchObject([
      { ready: true, started: false, state: { terminated: { reason: "Completed", exitCode: 0 } } },
      { ready: true, started: true, state: { running: {} } },
    ]);
  });

  test("a container that fails is started again, ever later, and the log of the run before is there", async () => {
    await make("crash", [{ command: ["sh", "-c", "echo run; echo why > /dev/termination-log; exit 3"] }]);
    const pod = await reaches("crash", waitsFor("CrashLoopBackOff"));
    const { uid } = pod.metadata;
    expect(first(pod)).toMatchObject({
      state: { waiting: { message: `back-off 10s restarting failed container=c pod=crash_${namespace}(${uid})` } },
      lastState: { terminated: { exitCode: 3, reason: "Error", message: "why\n" } },
    });
    expect(pod["status"].phase).toBe("Running");
    expect((await kubectl("logs", "crash", "--previous")).stdout).toBe("run\n");
    await tells(
      "crash",
      `Warning BackOff Back-off restarting failed container c in pod crash_${namespace}\\(${uid}\\)`,
    );
  });

  test.each<[string, object, object, string, RegExp]>([
    [
      "config",
      { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "no", key: "k" } } }] },
      {},
      "CreateContainerConfigError",
      /^configmap "no" not found$/,
    ],
    [
      "root",
      {},
      { securityContext: { runAsNonRoot: true } },
      "CreateContainerConfigError",
      /^container has runAsNonRoot and image will run as root \(pod: "root_/,
    ],
    [
      "never",
      { image: "no/such:1", imagePullPolicy: "Never" },
      {},
      "ErrImageNeverPull",
      /^Container image "no\/such:1" is not present with pull policy of Never$/,
    ],
    [
      "name",
      { image: "Big:1" },
      {},
      "InvalidImageName",
      /^Failed to apply default image tag "Big:1": couldn't parse image name "Big:1"/,
    ],
    [
      "pull",
      { image: "127.0.0.1:1/no:1" },
      {},
      "ImagePullBackOff",
      /^Back-off pulling image "127.0.0.1:1\/no:1": ErrImagePull: /,
    ],
  ])("%s: waits with its reason", async (name, container, spec, reason, message) => {
    await make(name, [container], spec);
    const pod = await reaches(name, waitsFor(reason));
    expect(first(pod).state.waiting.message).toMatch(message);
    expect(pod["status"].phase).toBe("Pending");
    await tells(name, /^Warning Failed Error: /);
  });

  test("a command that is not there is a StartError", async () => {
    await make("noexec", [{ command: ["not-there"] }], { restartPolicy: "Never" });
    const pod = await reaches("noexec", ({ status }) => status?.phase === "Failed");
    expect(first(pod).state.terminated).toMatchObject({ exitCode: 128, reason: "StartError" });
    expect(first(pod).state.terminated.message).toContain('exec: "not-there": executable file not found in $PATH');
  });

  test("a container that takes too much memory is OOMKilled, and a log stands in for a message", async () => {
    const command = ["sh", "-c", "x=$(head -c 100000000 /dev/zero | tr '\\0' x); echo $x"];
    await make("oom", [{ command, resources: { limits: { memory: "20Mi" } } }], { restartPolicy: "Never" });
    const fails = { command: ["sh", "-c", "echo oops; exit 7"], terminationMessagePolicy: "FallbackToLogsOnError" };
    await make("fails", [fails], { restartPolicy: "Never" });
    const oom = await reaches("oom", ({ status }) => status?.phase === "Failed");
    expect(first(oom).state.terminated).toMatchObject({ reason: "OOMKilled", exitCode: 137 });
    const failed = await reaches("fails", ({ status }) => status?.phase === "Failed");
    expect(first(failed).state.terminated).toMatchObject({ exitCode: 7, message: "oops\n" });
  });

  test("probes: ready by http, restarted by liveness", async () => {
    const command = ["sh", "-c", "mkdir /w; echo hi > /w/x; touch /tmp/alive; exec httpd -f -p 8080 -h /w"];
    const readinessProbe = { httpGet: { port: 8080, path: "/x" }, periodSeconds: 1 };
    const livenessProbe = { exec: { command: ["cat", "/tmp/alive"] }, periodSeconds: 1, failureThreshold: 1 };
    await make("probes", [{ command, readinessProbe, livenessProbe }]);
    await reaches("probes", (pod) => first(pod)?.ready);
    await kubectl("exec", "probes", "--", "rm", "/tmp/alive");
    const pod = await reaches("probes", (each) => first(each)?.restartCount === 1 && first(each).ready);
    expect(first(pod).lastState.terminated).toBeDefined();
    await tells("probes", /^Warning Unhealthy Liveness probe failed: cat: can't open '\/tmp\/alive'/);
    await tells("probes", "Normal Killing Container c failed liveness probe, will be restarted");
  });

  test("a postStart hook that fails ends the container", async () => {
    await make("hook", [{ lifecycle: { postStart: { exec: { command: ["sh", "-c", "exit 2"] } } } }]);
    const pod = await reaches("hook", waitsFor("PostStartHookError"));
    expect(first(pod).state.waiting.message).toContain('Exec lifecycle hook ([sh -c exit 2]) for Container "c"');
    await tells("hook", "Warning FailedPostStartHook PostStartHook failed");
  });

  test("a deadline ends the pod", async () => {
    await make("late", [{}], { activeDeadlineSeconds: 3 });
    const { status } = await reaches("late", (pod) => pod["status"]?.phase === "Failed");
    expect(status).toMatchObject({
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    });
  });

  test("a pod that is deleted has its preStop hook run, and one that hangs does not hold it up", async () => {
    const preStop = { exec: { command: ["sleep", "1000"] } };
    await make("hangs", [{ lifecycle: { preStop } }]);
    await reaches("hangs", (pod) => first(pod)?.ready);
    const began = Date.now();
    await lane.client.resource(pods).delete("hangs", namespace);
    await untilGone(lane.client, pods, "hangs", namespace);
    expect(Date.now() - began).toBeGreaterThan(4_000);
  });

  // A real kubelet without cgroups of its own for pods, as the one here, panics when a pod is resized
  // (kuberuntime_manager.go, doPodResizeAction: its container manager is nil).
  if (!onRealCluster)
    test("resources change in place, or by a restart where the container wants that", async () => {
      const resources = { requests: { cpu: "50m", memory: "16Mi" }, limits: { cpu: "100m", memory: "32Mi" } };
      const resizePolicy = [{ resourceName: "memory", restartPolicy: "RestartContainer" }];
      await make("resize", [{ resources, resizePolicy }]);
      await reaches("resize", (pod) => first(pod)?.ready);
      const resize = async (limits: object): Promise<KubeObject> => {
        const patch = { spec: { containers: [{ name: "c", resources: { limits } }] } };
        await kubectl("patch", "pod", "resize", "--subresource", "resize", "-p", JSON.stringify(patch));
        const [[name, amount]] = Object.entries(limits) as [[string, string]];
        return reaches("resize", (pod) => first(pod)?.resources?.limits?.[name] === amount && first(pod).ready);
      };
      expect(first(await resize({ cpu: "150m" })).restartCount).toBe(0);
      expect(first(await resize({ memory: "48Mi" })).restartCount).toBe(1);
    });

  test("kubectl debug adds a container that sees the processes of another", async () => {
    await make("debugged", [{}]);
    await reaches("debugged", (pod) => first(pod)?.ready);
    const debug = [
      "--image=busybox:1.36",
      "--image-pull-policy=IfNotPresent",
      "--target=c",
      "-c",
      "dbg",
      "--profile=general",
    ];
    await kubectl("debug", "debugged", ...debug, "--", "ps");
    const done = (pod: KubeObject) => pod["status"]?.ephemeralContainerStatuses?.[0]?.state?.terminated !== undefined;
    await reaches("debugged", done);
    expect((await kubectl("logs", "debugged", "-c", "dbg")).stdout).toContain("trap 'exit 0' TERM");
  });

  test("a static pod is shown by a mirror, which comes back, and goes with its file", async () => {
    const path = join(lane.staticPods, "web.json");
    const spec = { terminationGracePeriodSeconds: 1, containers: [containerOf({})] };
    await writeFile(
      path,
      JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace }, spec }),
    );
    const name = `web-${lane.node}`;
    const mirror = await reaches(name, ({ status }) => status?.phase === "Running");
    // With time, as kubectl does: one that goes at once is missed by the kubelet until it looks again, in 60 to 90 s
    // (its HandlePodRemoves takes the mirror that is gone for one that is there).
    expect(await kubectl("delete", "pod", name, "--timeout=30s")).toMatchObject({ code: 0, stderr: "" });
    const again = await reaches(
      name,
      ({ status, metadata }) => status?.phase === "Running" && metadata.uid !== mirror.metadata.uid,
    );
    expect(first(again).containerID).toBe(first(mirror).containerID);
    await rm(path);
    await untilGone(lane.client, pods, name, namespace, 60);
  });
});
