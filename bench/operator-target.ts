import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, HttpTransport, loadKubeconfig } from "@podwright/client";
import { startCluster } from "@podwright/cluster";
import type { PartName } from "@podwright/operator";
import { cpuSeconds, residentMb } from "../conformance/machine/process-cost.ts";
import { startProgram } from "../conformance/machine/program.ts";
import { startRealCluster } from "../scripts/real-cluster.ts";

/** A cluster to measure an operator on: real where KUBEBUILDER_ASSETS says so, else embedded, without nodes. */
export interface OperatorTarget {
  lane: "embedded" | "real";
  client: Client;
  /** Starts an operator in a process of its own; resolves when it is at work. */
  operator(without: readonly PartName[], env?: Record<string, string>): Promise<OperatorProcess>;
  stop(): Promise<void>;
}

export interface OperatorProcess {
  residentMb(): ReturnType<typeof residentMb>;
  /** What it has computed so far. */
  cpuSeconds(): Promise<number>;
  /** Kills it, unless told to let it end. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

export async function openTarget(): Promise<OperatorTarget> {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  const folder = await mkdtemp(join(tmpdir(), "podwright-bench-"));
  const embedded = join(folder, "kubeconfig");
  const cluster =
    assets === undefined
      ? await startCluster({ port: 0, nodes: 0, kubeconfigPath: embedded })
      : await startRealCluster(assets, { controllers: false });
  const kubeconfig = "kubeconfig" in cluster && assets !== undefined ? (cluster.kubeconfig as string) : embedded;
  const client = new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })));
  let compiled = false;
  return {
    lane: assets === undefined ? "embedded" : "real",
    client,
    async operator(without, env = {}) {
      const start = () => startProcess(kubeconfig, join(folder, "charts"), without, env);
      // Once for the compiled code, as all later starts on a machine have it.
      if (!compiled) await (await start()).stop("SIGTERM");
      compiled = true;
      return start();
    },
    async stop() {
      await client.close();
      await cluster.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** What an operator of its own is to be started with: it makes little garbage, and needs no large nursery for it. */
const operatorFlags = ["--max-semi-space-size=4"];

async function startProcess(
  kubeconfig: string,
  cacheDir: string,
  without: readonly PartName[],
  env: Record<string, string>,
): Promise<OperatorProcess> {
  const main = fileURLToPath(new URL("operator-process.ts", import.meta.url));
  const args = [...operatorFlags, main, kubeconfig, cacheDir, without.join(",")];
  const { pid, end } = await startProgram(args, {
    ...env,
    NODE_COMPILE_CACHE: join(tmpdir(), "podwright-bench-compiled"),
  });
  return {
    residentMb: () => residentMb(pid),
    cpuSeconds: () => cpuSeconds(pid),
    stop: (signal = "SIGKILL") => end(signal),
  };
}

/** Runs so many at a time. */
export async function forEach(count: number, atOnce: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;
}
