// The pod service: creates beside the bare API server's in one run, reads, lists of 100,000 records, open event streams,
// and what it holds resident. On the real API server with KUBEBUILDER_ASSETS, else the embedded one. Prints JSON.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get, Agent as HttpAgent, request as httpRequest } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client, HttpTransport, loadKubeconfig, namespaces, pods, tenants } from "@podwright/client";
import { systemClock } from "@podwright/clock";
import { Records } from "@podwright/pod-service/records";
import { startRealCluster } from "../scripts/real-cluster.ts";
import { forEach, percentile } from "./operator-target.ts";

const main = fileURLToPath(new URL("../packages/cli/bin/main.mjs", import.meta.url));
const key = "bench";
/** What the chart starts the service with. */
const flags = ["--max-semi-space-size=1"];
const environment = { ...process.env, MALLOC_ARENA_MAX: "1" };
/** Of the pods made here. */
const names: string[] = [];
let made = 0;
const agent = new HttpAgent({ keepAlive: true, maxSockets: 64 });
const assets = process.env["KUBEBUILDER_ASSETS"];
const folder = await mkdtemp(join(tmpdir(), "podwright-bench-"));
const result: Record<string, unknown> = { lane: assets === undefined ? "embedded" : "real" };
const cluster = assets === undefined ? await startEmbedded() : await startRealCluster(assets, { controllers: false });
const client = new Client(new HttpTransport(loadKubeconfig({ path: cluster.kubeconfig })));
try {
  await writeHistory();
  const service = await startService();
  try {
    // At rest it gives back what it does not need.
    await new Promise((resolve) => setTimeout(resolve, 22_000));
    result["resident_idle_mb"] = await residentMb(service.child);
    await prepare();
    await forEach(500, 16, () => create(service.url));
    result["streams_2000"] = await measureStreams(service, await residentMb(service.child));
    result["creates"] = await measureCreates(service.url);
    result["creates_api_server_apart"] = await apart(service.child, () => measureCreates(service.url));
    result["create_latency_at_200_per_s"] = await measurePaced(service.url, 200, 5);
    result["reads"] = await measureReads(service.url);
    result["first_page_of_100000"] = await measureList(service.url);
  } finally {
    await end(service.child);
  }
  console.log(JSON.stringify(result, null, 2));
} finally {
  agent.destroy();
  await client.close();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
}

async function startEmbedded() {
  const kubeconfig = join(folder, "kubeconfig");
  const args = [
    "up",
    "--port",
    "0",
    "--data-dir",
    join(folder, "cluster"),
    "--kubeconfig",
    kubeconfig,
    "--nodes",
    "0",
    "--output",
    "json",
  ];
  const { child } = await startProcess([...args, "--without", "nanopod", "pod-service"], '{"kubeconfig"');
  return { kubeconfig, pid: child.pid as number, stop: () => end(child) };
}

async function startService() {
  const config = join(folder, "config.yaml");
  await writeFile(
    config,
    JSON.stringify({ port: 0, MOOPKEY: key, log_level: 30, rate_limit: 1_000_000, data_dir: join(folder, "service") }),
  );
  // Once for the compiled code, as all later starts on a machine have it.
  const start = () => startProcess(["pod-service", "--config", config, "--kubeconfig", cluster.kubeconfig], '{"url"');
  await end((await start()).child);
  const { child, line } = await start();
  return { child, url: JSON.parse(line).url as string };
}

async function startProcess(args: string[], ready: string): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [...flags, main, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: environment,
  });
  const line = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout }).on("line", (text) => {
      if (!text.startsWith(ready)) return;
      resolve(text);
      // The log goes on, and is nobody's to read here.
      lines.close();
      child.stdout.resume();
    });
    child.once("exit", (code) => reject(new Error(`podwright ${args[0]} ended with ${code}`)));
  });
  child.removeAllListeners("exit");
  return { child, line };
}

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}

async function residentMb(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

/** 100,000 finished runs of a tenant. */
async function writeHistory(): Promise<void> {
  const records = await Records.open({
    dataDir: join(folder, "service"),
    clock: systemClock,
    historyDays: 30,
    onError: console.error,
  });
  const start = Date.now() - 86_400_000;
  for (let i = 0; i < 100_000; i++) {
    const time = new Date(start + i * 500).toISOString();
    const phase = i % 50 === 0 ? "Failed" : "Succeeded";
    records.finish({
      name: `old-${i}`,
      tenant: "many",
      namespace: "many",
      template: "pod",
      kind: "Pod",
      phase,
      createdAt: time,
      finishedAt: time,
    });
    if (i % 2_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await records.close();
}

function podTemplate(name: string) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      containers: [{ name: "main", image: "busybox:1.28.4", args: ["/bin/sh", "-c", "{cmd}"] }],
    },
  };
}

async function prepare(): Promise<void> {
  for (const name of ["bare", "many"]) {
    await client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } };
    await client.request("POST", `/api/v1/namespaces/${name}/serviceaccounts`, account).catch(() => {});
  }
  await client.resource(tenants).create({
    apiVersion: "podwright.dev/v1alpha1",
    kind: "Tenant",
    metadata: { name: "many" },
    spec: { templates: { pod: podTemplate("run-{tenantId}-{hash}") } },
  });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}

/** In turns, so that whatever else the machine does happens to both. */
async function measureCreates(url: string) {
  const bare: number[] = [];
  const service: number[] = [];
  const latencies: number[] = [];
  const bareCreate = () => {
    const pod = podTemplate(`bare-${made++}`);
    return client.resource(pods).create({ ...pod, metadata: { ...pod.metadata, namespace: "bare" } });
  };
  const serviceCreate = async () => {
    const began = performance.now();
    await create(url);
    latencies.push(performance.now() - began);
  };
  await forEach(500, 16, bareCreate);
  await forEach(500, 16, serviceCreate);
  latencies.length = 0;
  for (let round = 0; round < 4; round++) {
    bare.push(await rate(800, 16, bareCreate));
    service.push(await rate(800, 16, serviceCreate));
  }
  const median = (values: number[]) => percentile(values, 0.5);
  return {
    in_flight: 16,
    bare_per_s: median(bare),
    service_per_s: median(service),
    share: Math.round((median(service) / median(bare)) * 100) / 100,
    p50_ms: percentile(latencies, 0.5),
    p99_ms: percentile(latencies, 0.99),
  };
}

/**
 * With the API server and its storage on one core and everything else on another, as it is where they are on machines
 * of their own: the service then takes no processor time that the API server would have.
 */
async function apart<T>(service: ChildProcess, work: () => Promise<T>): Promise<T | { skipped: string }> {
  const pids = "pids" in cluster ? Object.values(cluster.pids) : [cluster.pid];
  const pin = (pid: number, cores: string) => execFileSync("taskset", ["-a", "-c", "-p", cores, `${pid}`]);
  try {
    for (const pid of pids) pin(pid, "0");
    for (const pid of [process.pid, service.pid as number]) pin(pid, "1");
  } catch (error) {
    return { skipped: error instanceof Error ? error.message : String(error) };
  }
  try {
    return await work();
  } finally {
    for (const pid of [...pids, process.pid, service.pid as number]) pin(pid, `0-${cpus().length - 1}`);
  }
}

async function rate(count: number, inFlight: number, work: (index: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await forEach(count, inFlight, work);
  return Math.round(count / ((performance.now() - began) / 1000));
}

/** So many a second for so long, each sent at its time, however the ones before fare. */
async function measurePaced(url: string, perSecond: number, seconds: number) {
  const latencies: number[] = [];
  const under: Promise<void>[] = [];
  const began = performance.now();
  for (let i = 0; i < perSecond * seconds; i++) {
    const due = began + (i * 1000) / perSecond;
    const waitMs = due - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    under.push(create(url).then(() => void latencies.push(performance.now() - due)));
  }
  await Promise.all(under);
  return { p50_ms: percentile(latencies, 0.5), p99_ms: percentile(latencies, 0.99) };
}

async function create(url: string): Promise<void> {
  const { status, body } = await send(url, "POST", "/pods", JSON.stringify({ tenant: "many", cmd: "echo hi" }));
  if (status !== 201) throw new Error(`POST /pods: ${status} ${body.slice(0, 300)}`);
  names.push(JSON.parse(body).metadata.name);
}

async function measureReads(url: string) {
  const latencies: number[] = [];
  const read = async (index: number) => {
    const began = performance.now();
    const { status, body } = await send(url, "GET", `/pods/${names[index % names.length]}?tenant=many`);
    if (status !== 200) throw new Error(`GET /pods: ${status} ${body.slice(0, 300)}`);
    latencies.push(performance.now() - began);
  };
  await rate(5_000, 16, read);
  latencies.length = 0;
  const perSecond = await rate(20_000, 16, read);
  return { in_flight: 16, per_s: perSecond, p50_ms: percentile(latencies, 0.5), p99_ms: percentile(latencies, 0.99) };
}

async function measureList(url: string) {
  const measure = async (path: string) => {
    const latencies: number[] = [];
    for (let i = 0; i < 50; i++) {
      const began = performance.now();
      const { status } = await send(url, "GET", path);
      if (status !== 200) throw new Error(`GET ${path}: ${status}`);
      latencies.push(performance.now() - began);
    }
    return { p50_ms: percentile(latencies, 0.5), p99_ms: percentile(latencies, 0.99) };
  };
  return {
    newest: await measure("/pods?tenant=many&limit=100"),
    failed: await measure("/pods?tenant=many&state=failed&limit=100"),
  };
}

async function measureStreams({ child, url }: { child: ChildProcess; url: string }, before: number) {
  const open: { destroy(): void }[] = [];
  await forEach(2_000, 32, (index) => {
    const path = `/pods/${names[index % names.length]}/events?tenant=many`;
    return new Promise<void>((resolve, reject) => {
      const stream = get(new URL(path, url), { agent: false, headers: { moopkey: key } }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`GET ${path}: ${response.statusCode}`));
        response.once("data", () => resolve());
        response.on("error", () => {});
      });
      stream.on("error", reject);
      open.push(stream);
    });
  });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const now = await residentMb(child);
  for (const stream of open) stream.destroy();
  return { resident_mb: now, before_mb: before };
}

function send(url: string, method: string, path: string, body?: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      moopkey: key,
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const sent = httpRequest(new URL(path, url), { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
