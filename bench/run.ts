// `npm run bench`: prints one JSON document. With KUBEBUILDER_ASSETS the same load goes to a real kube-apiserver with
// etcd, and the ratios are given. `-- --save` writes it into bench/results too, `-- --only node,fresh` measures parts.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { loadKubeconfig } from "@podwright/client";
import { residentMb } from "../conformance/machine/process-cost.ts";
import { podwrightFile, startProgram } from "../conformance/machine/program.ts";
import { startRealCluster } from "../scripts/real-cluster.ts";
import { load, round, send, type Target } from "./load.ts";
import { measureOperations, type Operations } from "./operations.ts";

interface Running {
  target: Target;
  pid: number;
  /** From the start of the process to the line that says ready, in ms. */
  readyMs: number;
  stop(): Promise<void>;
}

const result: Record<string, unknown> = {
  commit: execFileSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" }).trim(),
  date: new Date().toISOString(),
  command: ["npm run bench", ...process.argv.slice(2)].join(" "),
  machine: {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  },
};

const onlyAt = process.argv.indexOf("--only");
const only = onlyAt < 0 ? undefined : process.argv[onlyAt + 1]?.split(",");
/** Measures a part, unless others alone are wanted. */
async function part(name: string, measure: () => unknown): Promise<void> {
  if (only !== undefined && !only.includes(name)) return;
  result[name] = await measure();
}

await part("start", measureStart);
await part("embedded", () =>
  withEmbedded(["--nodes", "0", "--without", "nanopod"], (running) => measureOperations(running.target)),
);
const assets = process.env["KUBEBUILDER_ASSETS"];
if (assets !== undefined) {
  await part("kube_apiserver", () => measureReal(assets));
  const [embedded, real] = [result["embedded"], result["kube_apiserver"]];
  if (embedded !== undefined && real !== undefined) {
    result["ratios"] = ratios(embedded as Operations, (real as { operations: Operations }).operations);
  }
}
await part("webhook", () => withEmbedded(["--nodes", "0"], measureWebhook));
await part("pods", () => withEmbedded(["--nodes", "10"], measurePods));
// Each in a process of its own, on the real cluster where there is one.
for (const name of ["reflector", "redeploy", "fresh", "fresh-node", "pod-service", "packs", "node"]) {
  await part(name.replaceAll("-", "_"), () => measureApart(`${name}.ts`));
}

const text = JSON.stringify(result, null, 2);
console.log(text);
if (process.argv.includes("--save")) {
  const name = `${String(result["date"]).slice(0, 10)}-${result["commit"]}.json`;
  await writeFile(new URL(`results/${name}`, import.meta.url), `${text}\n`);
}

function measureApart(file: string): unknown {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [path], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }));
}

async function startEmbedded(args: string[], env: Record<string, string>): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), "podwright-bench-"));
  const began = performance.now();
  const flags = ["--port", "0", "--data-dir", folder, "--output", "json"];
  const program = await startProgram([podwrightFile, "up", ...flags, ...args], env);
  const readyMs = performance.now() - began;
  return {
    target: await targetOf(JSON.parse(program.firstLine).kubeconfig),
    pid: program.pid,
    readyMs,
    async stop() {
      await program.end("SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function withEmbedded<T>(
  args: string[],
  measure: (running: Running) => Promise<T>,
  env: Record<string, string> = {},
): Promise<T> {
  const running = await startEmbedded(args, env);
  try {
    return await measure(running);
  } finally {
    running.target.agent.destroy();
    await running.stop();
  }
}

async function targetOf(kubeconfig: string): Promise<Target> {
  const { server, tls, credentials } = loadKubeconfig({ path: kubeconfig });
  const { authorization, certificate, key } = await credentials.current();
  return {
    server,
    agent: new Agent({
      keepAlive: true,
      maxSockets: 64,
      rejectUnauthorized: tls.insecureSkipVerify !== true,
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
    }),
    headers: authorization === undefined ? {} : { authorization },
  };
}

/** Starts on fresh data directories: with nothing compiled before, as the first on a machine, and as all later ones. */
async function measureStart() {
  return { first: await starts(3, "first"), later: await starts(7, "later") };
}

async function starts(count: number, kind: "first" | "later") {
  const ready: number[] = [];
  let rssMb = 0;
  const cache = await mkdtemp(join(tmpdir(), "podwright-bench-compiled-"));
  for (let i = 0; i < count + (kind === "later" ? 1 : 0); i++) {
    if (kind === "first") await rm(cache, { recursive: true, force: true });
    await withEmbedded(
      [],
      async ({ pid, readyMs }) => {
        // The first of the later ones fills the cache.
        if (kind === "first" || i > 0) ready.push(Math.round(readyMs));
        await new Promise((resolve) => setTimeout(resolve, 2_000));
        rssMb = (await residentMb(pid)).now;
      },
      { NODE_COMPILE_CACHE: cache },
    );
  }
  await rm(cache, { recursive: true, force: true });
  ready.sort((a, b) => a - b);
  return {
    process_start_to_ready_ms: { median: ready[Math.floor(ready.length / 2)], all: ready },
    resident_idle_mb: rssMb,
  };
}

/** etcd and kube-apiserver alone: without the controllers that the embedded cluster runs in its one process. */
async function measureReal(binaries: string) {
  const began = performance.now();
  const cluster = await startRealCluster(binaries, { controllers: false });
  const readyMs = Math.round(performance.now() - began);
  try {
    const idle = await Promise.all(Object.values(cluster.pids).map(async (pid) => (await residentMb(pid)).now));
    const target = await targetOf(cluster.kubeconfig);
    const operations = await measureOperations(target);
    target.agent.destroy();
    return { start_to_ready_ms: readyMs, resident_idle_mb: idle.reduce((a, b) => a + b, 0), operations };
  } finally {
    await cluster.stop();
  }
}

function ratios(ours: Operations, theirs: Operations) {
  return Object.fromEntries(
    (Object.keys(ours) as (keyof Operations)[]).map((name) => {
      const [a, b] = [ours[name], theirs[name]];
      const p99 = "p99_ms" in a && "p99_ms" in b ? { p99: round(a.p99_ms / b.p99_ms) } : {};
      return [name, { per_s: round(a.per_s / b.per_s), ...p99 }];
    }),
  );
}

/** AdmissionReviews sent straight to the operator's webhook, with 100 NanoPods in the cluster. */
async function measureWebhook({ target }: Running) {
  const nanoPod = (name: string) => ({
    apiVersion: "nanopod.nanopod.treezh.cn/v1",
    kind: "NanoPod",
    metadata: { name, namespace: "default" },
    spec: {
      template: {
        spec: {
          containers: [
            {
              name: "main",
              env: [
                { name: "A", value: "1" },
                { name: "B", value: "2" },
              ],
              resources: { limits: { cpu: "500m", memory: "512Mi" } },
            },
          ],
        },
      },
    },
  });
  const create = Array.from({ length: 100 }, (_, i) => ({
    method: "POST",
    path: "/apis/nanopod.nanopod.treezh.cn/v1/namespaces/default/nanopods",
    body: JSON.stringify(nanoPod(`np-${i}`)),
  }));
  await load(target, create, 16);
  const { body } = await send(target, {
    method: "GET",
    path: "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/nano-pod-mutating-webhook-configuration",
  });
  const { url, caBundle } = JSON.parse(body.toString("utf8")).webhooks[0].clientConfig;
  const webhook: Target = {
    server: new URL(url).origin,
    agent: new Agent({ keepAlive: true, maxSockets: 32, ca: Buffer.from(caBundle, "base64") }),
    headers: {},
  };
  const review = JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "00000000-0000-0000-0000-000000000000",
      namespace: "default",
      operation: "CREATE",
      object: {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { generateName: "p-", labels: { "nano-pods": "np-7", app: "x" } },
        spec: { containers: [{ name: "main", image: "app:1", env: [{ name: "A", value: "0" }] }] },
      },
    },
  });
  const reviews = (count: number) =>
    Array.from({ length: count }, () => ({ method: "POST", path: new URL(url).pathname, body: review }));
  await load(webhook, reviews(500), 32);
  const with_32_in_flight = await load(webhook, reviews(10_000), 32);
  const one_at_a_time = await load(webhook, reviews(3_000), 1);
  webhook.agent.destroy();
  return { with_32_in_flight, one_at_a_time };
}

/** Pods from a Deployment to Running on simulated nodes. */
async function measurePods({ target, pid }: Running) {
  const count = 1_000;
  const began = performance.now();
  await send(target, {
    method: "POST",
    path: "/apis/apps/v1/namespaces/default/deployments",
    body: JSON.stringify({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "many" },
      spec: {
        replicas: count,
        selector: { matchLabels: { app: "many" } },
        template: { metadata: { labels: { app: "many" } }, spec: { containers: [{ name: "main", image: "app:1" }] } },
      },
    }),
  });
  for (;;) {
    const { body } = await send(target, { method: "GET", path: "/apis/apps/v1/namespaces/default/deployments/many" });
    if (JSON.parse(body.toString("utf8")).status?.readyReplicas === count) break;
    if (performance.now() - began > 120_000) throw new Error("the pods were not ready after 120 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const seconds = (performance.now() - began) / 1000;
  return {
    pods: count,
    to_running_per_s: Math.round(count / seconds),
    resident_mb: (await residentMb(pid)).now,
  };
}
