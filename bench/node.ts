// Pods on real containers: on docker and containerd, and with KUBEBUILDER_ASSETS on a real kubelet. Prints JSON.
// `node bench/node.ts docker` measures only there, `node bench/node-exec.ts` only exec.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { loadavg } from "node:os";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { pods } from "@podwright/client";
import { until, untilGone } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { kubectlProgram } from "../conformance/kubectl.ts";
import { cpuSeconds, residentMb } from "../conformance/machine/process-cost.ts";
import { measureExec } from "./node-exec.ts";
import {
  image,
  inCluster,
  isReady,
  missingOn,
  type NodeRuntime,
  type NodeTarget,
  namespace,
  openNode,
  runtimes,
  sleepingPod,
} from "./node-target.ts";
import { percentile } from "./operator-target.ts";

const many = 50;
/** After so long of doing nothing a process has given back what it does not need. */
const restMs = 22_000;
const kubectl = await kubectlProgram();
const result: Record<string, unknown> = { load_average_before: loadavg().map(rounded) };
const wanted = process.argv.slice(2);
for (const runtime of runtimes) {
  if (wanted.length === 0 || wanted.includes(runtime)) result[runtime] = await measureOn(runtime);
}
result["exec"] = await measureExec(wanted);
result["load_average_after"] = loadavg().map(rounded);
console.log(JSON.stringify(result, null, 2));

async function measureOn(runtime: NodeRuntime): Promise<unknown> {
  const missing = missingOn(runtime);
  if (missing !== undefined) return { skipped: missing };
  const target = await openNode(runtime);
  try {
    const load_average = loadavg().map(rounded);
    const run_to_ready = await measureRun(target, 12);
    const follow = await measureFollow(target, 30);
    const fifty = await measureMany(target);
    return { load_average, run_to_ready, log_follow: follow, ...fifty };
  } finally {
    await target.stop();
  }
}

/** From the start of `kubectl run` to the watch's event that says Ready; the first two warm up. */
async function measureRun(target: NodeTarget, count: number) {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const name = `run-${i}`;
    const ready = until(target.client, pods, name, isReady, namespace, 60);
    const began = performance.now();
    const args = ["run", name, `--image=${image}`, "--image-pull-policy=IfNotPresent", "--", "sleep", "3600"];
    const running = inCluster(kubectl, target, args);
    await ready;
    times.push(performance.now() - began);
    await running;
    if (i > 0) await remove(target, name);
  }
  return summary(times.slice(2));
}

/** From the time that the runtime gives a line to its arrival at `kubectl logs -f`. */
async function measureFollow(target: NodeTarget, count: number) {
  await create(target, "talks", { command: ["sh", "-c", "while :; do echo x; sleep 0.2; done"] });
  await until(target.client, pods, "talks", isReady, namespace, 60);
  const args = ["--kubeconfig", target.kubeconfig, "logs", "-f", "--timestamps", "--tail=0", "talks"];
  const child = spawn(kubectl, args, { stdio: ["ignore", "pipe", "inherit"] });
  const times: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    times.push(Date.now() - Date.parse(line.split(" ")[0] as string));
    if (times.length === count) break;
  }
  child.kill();
  await remove(target, "talks");
  return summary(times);
}

/** 50 pods at once, each asked every second whether it lives; then what they cost when they do nothing. */
async function measureMany(target: NodeTarget) {
  await remove(target, "run-0");
  const alone = await idle(target);
  const asked = new Map<string, number[]>();
  const server = createServer(({ url = "" }, response) => {
    asked.set(url, [...(asked.get(url) ?? []), performance.now()]);
    response.end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const probe = (i: number) => ({
    httpGet: { host: "127.0.0.1", port, path: `/${i}` },
    periodSeconds: 1,
    timeoutSeconds: 1,
  });
  const began = performance.now();
  await together(target, "probed", (i) => ({ livenessProbe: probe(i) }));
  const to_ready_s = seconds(began);
  asked.clear();
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  const late = [...asked.values()].flatMap((times) =>
    times.slice(1).map((time, i) => Math.abs(time - (times[i] as number) - 1000)),
  );
  const busy = await idle(target);
  const removing = performance.now();
  await Promise.all(names("probed").map((name) => remove(target, name)));
  const gone_s = seconds(removing);
  server.close();
  await together(target, "idle", () => ({}));
  const resting = await idle(target);
  await Promise.all(names("idle").map((name) => remove(target, name)));
  return {
    pods_50_at_once: { to_ready_s, gone_s },
    probes_50_each_second: { asked: late.length, off_by_ms: summary(late), ...busy },
    idle_without_pods: alone,
    idle_with_50_pods: resting,
  };
}

async function together(target: NodeTarget, prefix: string, more: (i: number) => object): Promise<void> {
  await Promise.all(
    names(prefix).map(async (name, i) => {
      const ready = until(target.client, pods, name, isReady, namespace, 240);
      await create(target, name, more(i));
      await ready;
    }),
  );
}

function names(prefix: string): string[] {
  return Array.from({ length: many }, (_unused, i) => `${prefix}-${i}`);
}

/** What the process of the node uses over 15 seconds, when it has come to rest. */
async function idle({ pid }: NodeTarget) {
  await new Promise((resolve) => setTimeout(resolve, restMs));
  const before = await cpuSeconds(pid);
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 15_000));
  const share = ((await cpuSeconds(pid)) - before) / ((performance.now() - began) / 1000);
  return { resident_mb: (await residentMb(pid)).now, share_of_a_core: Math.round(share * 1000) / 1000 };
}

function create({ client }: NodeTarget, name: string, more: object): Promise<KubeObject> {
  return client.resource(pods).create(sleepingPod(name, more));
}

async function remove({ client }: NodeTarget, name: string): Promise<void> {
  await client.resource(pods).delete(name, namespace, { gracePeriodSeconds: 1 });
  await untilGone(client, pods, name, namespace, 120);
}

function summary(times: number[]) {
  return {
    p50_ms: percentile(times, 0.5),
    p95_ms: percentile(times, 0.95),
    max_ms: Math.round(Math.max(...times)),
    count: times.length,
  };
}

function seconds(began: number): number {
  return Math.round((performance.now() - began) / 10) / 100;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
