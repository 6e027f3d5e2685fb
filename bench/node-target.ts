import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Client, HttpTransport, loadKubeconfig } from "@podwright/client";
import { schedulable } from "../conformance/lane.ts";
import { startContainerd } from "../conformance/machine/containerd.ts";
import { startDockerd } from "../conformance/machine/dockerd.ts";
import { removeFolder, shortFolder } from "../conformance/machine/folder.ts";
import { startKubelet } from "../conformance/machine/kubelet.ts";
import { podwrightDown, startPodwright } from "../conformance/machine/podwright.ts";
import { startRealCluster } from "../scripts/real-cluster.ts";

export type NodeRuntime = "docker" | "containerd" | "kubelet";

/** A cluster with one node that runs real containers. */
export interface NodeTarget {
  runtime: NodeRuntime;
  client: Client;
  kubeconfig: string;
  /** The process that runs the node: all of Podwright, or the kubelet alone. */
  pid: number;
  stop(): Promise<void>;
}

export const image = "docker.io/library/busybox:1.36";
const bridge = "pwt-bench";
const subnet = "10.119.0.0/24";

/** Starts daemons and cluster in a folder of their own, with the image there. Everything is undone when it fails. */
export async function openNode(runtime: NodeRuntime): Promise<NodeTarget> {
  const folder = await shortFolder("pwn-");
  const undo: (() => Promise<unknown>)[] = [() => removeFolder(folder)];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const daemon =
      runtime === "docker"
        ? await startDockerd({ folder })
        : await startContainerd({ folder, network: { bridge, subnet } });
    undo.push(() => daemon.stop());
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

type Undo = (() => Promise<unknown>)[];

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
