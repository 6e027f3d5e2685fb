import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Client, HttpTransport, loadKubeconfig } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { run } from "../conformance/kubectl.ts";
import { schedulable } from "../conformance/lane.ts";
import { startDockerd } from "../conformance/machine/dockerd.ts";
import { removeFolder, shortFolder } from "../conformance/machine/folder.ts";
import { startKubelet } from "../conformance/machine/kubelet.ts";
import { freeNetwork, startNetworkedContainerd } from "../conformance/machine/pod-network.ts";
import { podwrightDown, startPodwright } from "../conformance/machine/podwright.ts";
import { missingFor } from "../conformance/machine/programs.ts";
import { startRealCluster } from "../scripts/real-cluster.ts";

export const runtimes = ["docker", "containerd", "kubelet"] as const;
export type NodeRuntime = (typeof runtimes)[number];

/** A cluster with one node that runs real containers. */
export interface NodeTarget {
  runtime: NodeRuntime;
  client: Client;
  kubeconfig: string;
  /** The process that runs the node: all of Podwright, or the kubelet alone. */
  pid: number;
  stop(): Promise<void>;
}

export const namespace = "default";
export const image = "docker.io/library/busybox:1.36";
/** Starts daemons and cluster in a folder of their own, with the image there. Everything is undone when it fails. */
export async function openNode(runtime: NodeRuntime): Promise<NodeTarget> {
  const folder = await shortFolder("pwn-");
  const undo: Undo = [() => removeFolder(folder)];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const daemon = await (runtime === "docker"
      ? startDockerd({ folder })
      : startNetworkedContainerd(folder, await freeNetwork(), undo));
    if (runtime === "docker") undo.push(() => daemon.stop());
    await daemon.load({ name: image });
    const started = await (runtime === "kubelet"
      ? realNode(folder, daemon.socket, undo)
      : podwright(runtime, folder, daemon.socket, undo));
    const client = new Client(new HttpTransport(loadKubeconfig({ path: started.kubeconfig })));
    undo.push(() => client.close());
    return { ...started, runtime, client, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Why there can be no such node here; undefined when there can. */
export function missingOn(runtime: NodeRuntime): string | undefined {
  if (runtime === "docker") return missingFor("dockerd", "docker", "runc");
  const needsAssets = runtime === "kubelet" && process.env["KUBEBUILDER_ASSETS"] === undefined;
  return missingFor("containerd", "ctr", "runc") ?? (needsAssets ? "needs KUBEBUILDER_ASSETS" : undefined);
}

/** A pod that sleeps. @param more of its container */
export function sleepingPod(name: string, more: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ name: "c", image, imagePullPolicy: "IfNotPresent", command: ["sleep", "3600"], ...more }],
    },
  };
}

export function isReady({ status }: KubeObject): boolean {
  const conditions: { type: string; status: string }[] = status?.conditions ?? [];
  return conditions.some((condition) => condition.type === "Ready" && condition.status === "True");
}

/** Runs kubectl on it. Throws when it fails. */
export async function inCluster(kubectl: string, { kubeconfig }: NodeTarget, args: string[]): Promise<void> {
  const { code, stderr } = await run(kubectl, ["--kubeconfig", kubeconfig, ...args]);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
}

type Undo = (() => unknown)[];

async function podwright(runtime: "docker" | "containerd", folder: string, socket: string, undo: Undo) {
  const env = { DOCKER_HOST: `unix://${socket}`, CONTAINERD_ADDRESS: socket };
  const dataDir = join(folder, "pw");
  await mkdir(dataDir);
  const { pid, kubeconfig, end } = await startPodwright({ dataDir, runtime, env });
  undo.push(() => podwrightDown(dataDir, env));
  undo.push(() => end("SIGTERM"));
  return { pid, kubeconfig };
}

async function realNode(folder: string, containerdSocket: string, undo: Undo) {
  const assets = process.env["KUBEBUILDER_ASSETS"] as string;
  const cluster = await startRealCluster(assets);
  undo.push(() => cluster.stop());
  const { kubeconfig } = cluster;
  const node = "podwright-bench-node";
  const binary = join(assets, "kubelet");
  const kubelet = await startKubelet({ binary, folder, kubeconfig, containerdSocket, node, clusterDns: "10.96.0.10" });
  undo.push(() => kubelet.stop());
  const client = new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })));
  await schedulable(client, new Set([node]));
  await client.close();
  return { pid: kubelet.pid, kubeconfig };
}
