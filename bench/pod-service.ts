// The pod service: creates beside the bare API server's in one run, reads, lists of 100,000 records, open event streams,
// and what it holds resident. On the real API server with KUBEBUILDER_ASSETS, else the embedded one. Prints JSON.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  Client,
  HttpTransport,
  loadKubeconfig,
  namespaces,
  pods,
  staticCredentials,
  type TransportRequest,
  tenants,
} from "@podwright/client";
import { systemClock } from "@podwright/clock";
import { Records } from "@podwright/pod-service/records";
import { startRealCluster } from "../scripts/real-cluster.ts";
import { forEach, percentile } from "./operator-target.ts";

const main = fileURLToPath(new URL("../packages/cli/bin/main.mjs", import.meta.url));
const key = "bench";
const readHeaders = Object.freeze({ accept: "application/json" });
const writeHeaders = Object.freeze({ ...readHeaders, "content-type": "application/json" });
/** Creates before the other side's turn. */
const turnLength = 200;
/** What the chart starts the service with. */
const flags = ["--max-semi-space-size=8"];
const environment = { ...process.env, MALLOC_ARENA_MAX: "1" };
/** Of the pods made here. */
const names: string[] = [];
/** To the service: the same client as asks the API server, so that it costs both sides the same. */
let caller: HttpTransport | undefined;
const assets = process.env["KUBEBUILDER_ASSETS"];
const folder = await mkdtemp(join(tmpdir(), "podwright-bench-"));
const result: Record<string, unknown> = { lane: assets === undefined ? "embedded" : "real" };
const cluster = assets === undefined ? await startEmbedded() : await startRealCluster(assets, { controllers: false });
const client = new Client(new HttpTransport(loadKubeconfig({ path: cluster.kubeconfig })));
try {
  await writeHistory();
  const service = await startService();
  caller = callerOf(service.url);
  try {
    // At rest it gives back what it does not need.
    await new Promise((resolve) => setTimeout(resolve, 22_000));
    result["resident_idle_mb"] = await residentMb(service.child);
    await prepare();
    await forEach(500, 16, create);
    result["streams_2000"] = await measureStreams(service, await residentMb(service.child));
    result["creates"] = await measureCreates(service.child);
    result["creates_api_server_apart"] = await apart(service.child, () => measureCreates(service.child));
    result["create_latency_at_200_per_s"] = await measurePaced(200, 5);
    result["reads"] = await measureReads();
    result["first_page_of_100000"] = await measureList();
  } finally {
    await end(service.child);
  }
  console.log(JSON.stringify(result, null, 2));
} finally {
  await caller?.close();
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
    JSON.stringify({
      port: 0,
      MOOPKEY: key,
      log_level: 30,
      rate_limit: 1_000_000,
      max_runs: 1_000_000,
      data_dir: join(folder, "service"),
    }),
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

/**
 * Pods as the service makes them: the bare API server's as many labels and annotations. In turns, each a few hundred,
 * their order by chance: the API server collects garbage every thousand creates or so, and turns of that length would
 * leave it all to one side.
 */
async function measureCreates(service: ChildProcess) {
  const latencies: number[] = [];
  const sides = {
    bare: { count: 0, ms: 0, create: createBare },
    service: {
      count: 0,
      ms: 0,
      create: async () => {
        const began = performance.now();
        await create();
        latencies.push(performance.now() - began);
      },
    },
  };
  for (const { create } of Object.values(sides)) await forEach(500, 16, create);
  latencies.length = 0;
  const cpuBefore = await cpuMs(service);
  for (let round = 0; round < 24; round++) {
    const turns = [sides.bare, sides.service];
    if (Math.random() < 0.5) turns.reverse();
    for (const side of turns) {
      const began = performance.now();
      await forEach(turnLength, 16, side.create);
      side.ms += performance.now() - began;
      side.count += turnLength;
    }
  }
  const perSecond = ({ count, ms }: { count: number; ms: number }) => Math.round((count / ms) * 1000);
  const [bare, own] = [perSecond(sides.bare), perSecond(sides.service)];
  return {
    in_flight: 16,
    bare_per_s: bare,
    service_per_s: own,
    share: Math.round((own / bare) * 100) / 100,
    p50_ms: percentile(latencies, 0.5),
    p99_ms: percentile(latencies, 0.99),
    service_cpu_ms_per_create: Math.round(((await cpuMs(service)) - cpuBefore) * (1000 / sides.service.count)) / 1000,
  };
}

function createBare(): Promise<unknown> {
  const { metadata, ...pod } = podTemplate(`bare-${randomUUID()}`);
  const labels = {
    "podwright.dev/pod-service": "bare",
    "podwright.dev/tenant": "many",
    "podwright.dev/template": "pod",
  };
  const annotations = {
    "podwright.dev/accepted-at": new Date().toISOString(),
    "podwright.dev/request": randomUUID(),
  };
  return client.resource(pods).create({ ...pod, metadata: { ...metadata, namespace: "bare", labels, annotations } });
}

/** Processor time that a process has taken. */
async function cpuMs(child: ChildProcess): Promise<number> {
  const [user, system] =
    (await readFile(`/proc/${child.pid}/stat`, "utf8")).split(") ")[1]?.split(" ").slice(11, 13) ?? [];
  return (Number(user) + Number(system)) * 10;
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
async function measurePaced(perSecond: number, seconds: number) {
  const latencies: number[] = [];
  const under: Promise<void>[] = [];
  const began = performance.now();
  for (let i = 0; i < perSecond * seconds; i++) {
    const due = began + (i * 1000) / perSecond;
    const waitMs = due - performance.now();
    if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
    under.push(create().then(() => void latencies.push(performance.now() - due)));
  }
  await Promise.all(under);
  return { p50_ms: percentile(latencies, 0.5), p99_ms: percentile(latencies, 0.99) };
}

async function create(): Promise<void> {
  const { status, body } = await send("POST", "/pods", JSON.stringify({ tenant: "many", cmd: "echo hi" }));
  if (status !== 201) throw new Error(`POST /pods: ${status} ${body.slice(0, 300)}`);
  names.push(JSON.parse(body).metadata.name);
}

async function measureReads() {
  const latencies: number[] = [];
  const read = async (index: number) => {
    const began = performance.now();
    const { status, body } = await send("GET", `/pods/${names[index % names.length]}?tenant=many`);
    if (status !== 200) throw new Error(`GET /pods: ${status} ${body.slice(0, 300)}`);
    latencies.push(performance.now() - began);
  };
  await rate(5_000, 16, read);
  latencies.length = 0;
  const perSecond = await rate(20_000, 16, read);
  return { in_flight: 16, per_s: perSecond, p50_ms: percentile(latencies, 0.5), p99_ms: percentile(latencies, 0.99) };
}

async function measureList() {
  const measure = async (path: string) => {
    const latencies: number[] = [];
    for (let i = 0; i < 50; i++) {
      const began = performance.now();
      const { status } = await send("GET", path);
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

async function send(
  method: TransportRequest["method"],
  path: string,
  body?: string,
): Promise<{ status: number; body: string }> {
  const response = await (caller as HttpTransport).request({
    method,
    path,
    headers: body === undefined ? readHeaders : writeHeaders,
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, body: await response.text() };
}

function callerOf(url: string): HttpTransport {
  return new HttpTransport({
    server: url,
    namespace: "default",
    tls: {},
    credentials: staticCredentials({}),
    headers: { moopkey: key },
  });
}
