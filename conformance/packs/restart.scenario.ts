import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, clusterPackRepositories, HttpTransport, loadKubeconfig, namespaces } from "@podwright/client";
import { startNodes } from "@podwright/cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRealCluster } from "../../scripts/real-cluster.ts";
import { type Lane, onRealCluster } from "../lane.ts";
import { type Program, podwrightFile, startProgram } from "../machine/program.ts";
import { type OperatorProcess, startOperatorProcess } from "./operator-process.ts";
import { openPackLane, type PackLane } from "./pack-lane.ts";

const assets = process.env["KUBEBUILDER_ASSETS"];
/** Gets ready after eight seconds. */
const slow = `apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}"}
spec:
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}", version: "{{ .Values.version }}"}}
    spec:
      initContainers: [{name: init, image: "app:1", command: [sleep, "8"]}]
      containers: [{name: main, image: "app:1"}]
`;

/** A cluster of the test's own, whose API server can be killed and started again. */
interface Restartable {
  kubeconfig: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

let folder: string;
let cluster: Restartable;
let client: Client;
let operator: OperatorProcess;
let on: PackLane;
// The lane's real cluster may not be ours to restart: it needs the programs.
const possible = !onRealCluster || assets !== undefined;
beforeAll(async () => {
  if (!possible) return;
  folder = await mkdtemp(join(tmpdir(), "podwright-restart-"));
  cluster = onRealCluster ? await realCluster(assets as string) : await embeddedCluster();
  client = new Client(new HttpTransport(loadKubeconfig({ path: cluster.kubeconfig })));
  operator = await startOperatorProcess({
    kubeconfig: cluster.kubeconfig,
    cacheDir: join(folder, "cache"),
    lease: "kube-system/podwright-operator",
  });
  const lane: Pick<Lane, "client" | "kubeconfig"> = { client, kubeconfig: cluster.kubeconfig };
  on = await openPackLane(lane);
  await on.chart("slow", "0.1.0", { "web.yaml": slow }, "version: one\n");
});
afterAll(async () => {
  await on?.close();
  await operator?.stop();
  await client?.close();
  await cluster?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

test.skipIf(!possible)(
  "an API server that is killed in the middle of an upgrade, and comes back",
  async () => {
    const namespace = "restart";
    await client.resource(namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    await on.create(namespace, "site", { chart: on.chartOf("slow"), timeout: "60s" });
    await on.condition(namespace, "site", "Ready", "True");
    await on.merge(namespace, "site", { spec: { values: { version: "two" } } });
    await on.until(namespace, "site", ({ status }) =>
      expect(status.conditions[0].message).toContain("Upgrading to slow 0.1.0: waiting for Deployment site"),
    );
    await cluster.restart();
    await on.condition(namespace, "site", "Ready", "True");
    const history = await on.history(namespace, "site");
    expect(history.at(-1)?.[1]).toBe("deployed");
    expect(history.map(([, status]) => status).filter((status) => status.startsWith("pending"))).toEqual([]);
    expect(JSON.parse(await on.helm(namespace, "get", "values", "site", "-o", "json"))).toEqual({ version: "two" });
    expect((await client.resource(clusterPackRepositories).get(on.repository))["status"].charts).toBe(1);
  },
  120_000,
);

async function embeddedCluster(): Promise<Restartable> {
  let program: Program;
  const start = async (port: string): Promise<string> => {
    const args = [
      "up",
      "--output",
      "json",
      "--port",
      port,
      "--data-dir",
      join(folder, "data"),
      "--runtime",
      "simulated",
    ];
    const without = ["--without", "nanopod", "pack", "reflector", "redeploy"];
    program = await startProgram([podwrightFile, ...args, ...without]);
    return JSON.parse(program.firstLine).kubeconfig;
  };
  const kubeconfig = await start("0");
  const port = new URL(loadKubeconfig({ path: kubeconfig }).server).port;
  return {
    kubeconfig,
    async restart() {
      await program.end("SIGKILL");
      await start(port);
    },
    stop: () => program.end("SIGTERM"),
  };
}

async function realCluster(binaries: string): Promise<Restartable> {
  const real = await startRealCluster(binaries);
  const nodes = await startNodes({
    client: new Client(new HttpTransport(loadKubeconfig({ path: real.kubeconfig }))),
    nodes: 1,
    heartbeatMs: 10_000,
  });
  return {
    kubeconfig: real.kubeconfig,
    restart: () => real.restart("kube-apiserver"),
    async stop() {
      await nodes.stop();
      await real.stop();
    },
  };
}
