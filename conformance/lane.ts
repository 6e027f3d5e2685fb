import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, HttpTransport, loadKubeconfig, namespaces, serviceAccounts } from "@podwright/client";
import { type Cluster, startCluster, startNodes } from "@podwright/cluster";
import { startOperator } from "@podwright/operator";
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
  const nodes = options.nodes ?? 1;
  const lane = onRealCluster ? await realCluster(nodes) : await embeddedCluster(nodes);
  const operator = options.operator === false ? undefined : await startOperator({ client: lane.client, onError: fail });
  const made: string[] = [];
  return {
    ...lane,
    kubectl: await kubectlRunner(lane.kubeconfig),
    async namespace(prefix) {
      const { metadata } = await lane.client
        .resource(namespaces)
        .create({ apiVersion: "v1", kind: "Namespace", metadata: { generateName: `${prefix}-` } });
      const name = metadata.name as string;
      made.push(name);
      await serviceAccountOf(lane.client, name);
      return name;
    },
    async close() {
      for (const name of made) await lane.client.resource(namespaces).delete(name);
      await operator?.stop();
      await lane.close();
    },
  };
}

async function embeddedCluster(nodes: number) {
  const folder = await mkdtemp(join(tmpdir(), "podwright-lane-"));
  const kubeconfig = join(folder, "kubeconfig");
  const cluster: Cluster = await startCluster({ port: 0, nodes, kubeconfigPath: kubeconfig });
  return {
    name: "embedded" as const,
    kubeconfig,
    client: cluster.client,
    async close() {
      await cluster.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function realCluster(count: number) {
  const kubeconfig = process.env["KUBECONFIG_REAL"] as string;
  const client = new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })), {
    userAgent: "podwright-test",
  });
  const nodes = await startNodes({ client, nodes: count, heartbeatMs: 10_000 });
  return {
    name: "real" as const,
    kubeconfig,
    client,
    async close() {
      await nodes.stop();
      await client.close();
    },
  };
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
