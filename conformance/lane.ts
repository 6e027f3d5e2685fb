import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, HttpTransport, loadKubeconfig, namespaces, nodes, serviceAccounts } from "@podwright/client";
import { type Cluster, startCluster, startNodes } from "@podwright/cluster";
import { isCode } from "@podwright/kube";
import { type Operator, startOperator } from "@podwright/operator";
import { findTool, packagedTool } from "podwright";
import { kubectlRunner, type RunKubectl } from "./kubectl.ts";

/** A cluster for a scenario: the embedded one, or the real one that KUBECONFIG_REAL names. Tests cannot tell which. */
export interface Lane {
  name: "embedded" | "real";
  /** Path of a cluster administrator's kubeconfig. */
  kubeconfig: string;
  client: Client;
  kubectl: RunKubectl;
  /** Makes a namespace of its own for a test, ready for pods; it goes when the lane is closed. Gives its name. */
  namespace(prefix: string): Promise<string>;
  close(): Promise<void>;
}

/** True when the tests run against a real Kubernetes. */
export const onRealCluster = process.env["KUBECONFIG_REAL"] !== undefined;

/** Opens the lane with simulated nodes, and the operator unless told otherwise. */
export async function openLane(options: { nodes?: number; operator?: boolean } = {}): Promise<Lane> {
  const count = options.nodes ?? 1;
  const started = onRealCluster ? await realCluster(count) : await embeddedCluster(count);
  return laneOf(started, options.operator !== false);
}

/** A lane on what was started for it. */
export async function laneOf(started: Started, withOperator: boolean): Promise<Lane> {
  const operator = withOperator ? await startLaneOperator(started) : undefined;
  // Over the network on both lanes: what is in the same process answers in fewer turns than any test may count on.
  const client = clientOf(started.kubeconfig);
  const made: string[] = [];
  return {
    name: onRealCluster ? "real" : "embedded",
    kubeconfig: started.kubeconfig,
    client,
    kubectl: await kubectlRunner(started.kubeconfig),
    async namespace(prefix) {
      const { metadata } = await client
        .resource(namespaces)
        .create({ apiVersion: "v1", kind: "Namespace", metadata: { generateName: `${prefix}-` } });
      const name = metadata.name as string;
      made.push(name);
      await serviceAccountOf(client, name);
      return name;
    },
    async close() {
      for (const name of made) await client.resource(namespaces).delete(name).catch(ignoreNotFound);
      await operator?.stop();
      await client.close();
      await started.stop();
    },
  };
}

function startLaneOperator({ operatorClient, kubeconfig, folder }: Started): Promise<Operator> {
  return startOperator({
    client: operatorClient,
    pack: { helm: { binary: laneHelm, kubeconfig }, cacheDir: join(folder, "charts") },
    onError: fail,
  });
}

/** helm 4 as npm brings it, or the one that HELM names. */
export async function laneHelm(): Promise<string> {
  return process.env["HELM"] ?? (await packagedTool("helm").catch(() => findTool("helm")));
}

export interface Started {
  /** A folder of its own, which goes when it stops. */
  folder: string;
  kubeconfig: string;
  operatorClient: Client;
  stop(): Promise<void>;
}

async function embeddedCluster(count: number): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), "podwright-lane-"));
  const kubeconfig = join(folder, "kubeconfig");
  const cluster: Cluster = await startCluster({ port: 0, nodes: count, kubeconfigPath: kubeconfig });
  return {
    folder,
    kubeconfig,
    operatorClient: cluster.client,
    async stop() {
      await cluster.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function realCluster(count: number): Promise<Started> {
  const kubeconfig = process.env["KUBECONFIG_REAL"] as string;
  const client = clientOf(kubeconfig);
  const started = await startNodes({ client, nodes: count, heartbeatMs: 10_000 });
  await schedulable(client, new Set(started.names));
  const folder = await mkdtemp(join(tmpdir(), "podwright-lane-"));
  return {
    folder,
    kubeconfig,
    operatorClient: client,
    async stop() {
      await started.stop();
      await client.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** The node controller taints a node that is new, and takes the taint off when it has seen it ready. */
export async function schedulable(client: Client, waiting: Set<string>): Promise<void> {
  if (waiting.size === 0) return;
  for await (const { type, object } of client.resource(nodes).watch({ timeoutSeconds: 30 })) {
    if (type === "ADDED" || type === "MODIFIED") {
      if ((object["spec"]?.taints ?? []).length === 0) waiting.delete(object.metadata.name as string);
    }
    if (waiting.size === 0) return;
  }
  throw new Error(`the nodes ${[...waiting].join(", ")} were not schedulable after 30 s`);
}

export function clientOf(kubeconfig: string): Client {
  return new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })), { userAgent: "podwright-test" });
}

/** A test may have deleted its namespace itself. */
export function ignoreNotFound(error: unknown): void {
  if (!isCode(error, 404)) throw error;
}

function fail(error: unknown): void {
  console.error("the operator:", error);
}

/** Pods are refused until their namespace has the service account that they run as. */
async function serviceAccountOf(client: Client, namespace: string): Promise<void> {
  const fieldSelector = "metadata.name=default";
  for await (const { type } of client
    .resource(serviceAccounts)
    .watch({ namespace, fieldSelector, timeoutSeconds: 30 })) {
    if (type === "ADDED") return;
  }
  throw new Error(`the namespace ${namespace} has no service account "default" after 30 s`);
}
