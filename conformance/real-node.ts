import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, nodes, pods } from "@podwright/client";
import { ociArchive } from "@podwright/operator/testing";
import { startRealCluster } from "../scripts/real-cluster.ts";
import { clientOf, schedulable } from "./lane.ts";
import type { Containerd } from "./machine/containerd.ts";
import { removeFolder, shortFolder } from "./machine/folder.ts";
import { type Kubelet, startKubelet } from "./machine/kubelet.ts";
import { freeNetwork, startNetworkedContainerd } from "./machine/pod-network.ts";
import { missingFor } from "./machine/programs.ts";

/** A real control plane with one real node: containerd, CNI, kubelet. It has no DNS and no Services. */
export interface RealNode {
  name: string;
  kubeconfig: string;
  /** containerd's. */
  socket: string;
  /** Imports busybox with a file /version that says which image it is. It waits, unless told to do else. */
  importImage(name: string, version: string, cmd?: string[]): Promise<void>;
  ctrImages(...args: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Why there can be none here, or undefined when there can. */
export function realNodeMissing(): string | undefined {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  const kubelet = assets !== undefined && existsSync(join(assets, "kubelet"));
  return (
    missingFor("containerd", "ctr", "runc", "iptables") ??
    (kubelet ? undefined : "needs KUBEBUILDER_ASSETS with a kubelet")
  );
}

export async function startRealNode(name: string): Promise<RealNode> {
  const folder = await shortFolder("pwn-");
  const undo: (() => unknown)[] = [() => removeFolder(folder)];
  const stop = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    const { kubeconfig, stop: stopCluster } = await startRealCluster(process.env["KUBEBUILDER_ASSETS"] as string);
    undo.push(stopCluster);
    const containerd = await startNetworkedContainerd(folder, await freeNetwork(), undo);
    const client = clientOf(kubeconfig);
    undo.push(() => client.close());
    await joinKubelet({ folder, kubeconfig, client, containerd, node: name, clusterDns: "10.96.0.10" }, undo);
    return {
      name,
      kubeconfig,
      socket: containerd.socket,
      async ctrImages(...args) {
        await containerd.ctr("images", ...args);
      },
      async importImage(image, version, cmd) {
        const file = join(folder, `${version}.tar`);
        await writeFile(file, await versionImage(image, version, cmd));
        await containerd.loadArchive(file);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function versionImage(name: string, version: string, cmd?: string[]): Promise<Buffer> {
  const busybox = await readFile("/bin/busybox");
  const links = ["sh", "sleep", "cat"].map((tool) => [`bin/${tool}`, { link: "busybox" }] as const);
  const { archive } = await ociArchive({
    names: [`docker.io/library/${name}`],
    files: {
      "bin/busybox": { data: busybox },
      ...Object.fromEntries(links),
      version: { data: version, mode: 0o644 },
    },
    cmd: cmd ?? ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"],
    created: new Date().toISOString(),
  });
  return archive;
}

/**
 * Starts the kubelet of KUBEBUILDER_ASSETS and waits until pods can be scheduled on its node. What undoes it is added
 * to the list, to be done from the end.
 */
export async function joinKubelet(
  options: {
    folder: string;
    kubeconfig: string;
    client: Client;
    containerd: Containerd;
    node: string;
    clusterDns: string;
  },
  undo: (() => unknown)[],
): Promise<Kubelet> {
  const { client, containerd, node } = options;
  const kubelet = await startKubelet({
    ...options,
    binary: join(process.env["KUBEBUILDER_ASSETS"] as string, "kubelet"),
    containerdSocket: containerd.socket,
  });
  undo.push(() =>
    client
      .resource(nodes)
      .delete(node)
      .catch(() => {}),
  );
  undo.push(async () => {
    await removePods(client, node, containerd.ctr);
    await kubelet.stop();
  });
  await schedulable(client, new Set([node]));
  return kubelet;
}

/** Ends what tests have left running: nothing of a node may outlive it. The kubelet undoes the pods' networks. */
async function removePods(client: Client, node: string, ctr: Containerd["ctr"]): Promise<void> {
  const fieldSelector = `spec.nodeName=${node}`;
  const { items, metadata } = await client.resource(pods).list({ fieldSelector });
  const left = new Set(items.map(({ metadata: { uid } }) => uid));
  await Promise.all(
    items.map(({ metadata: { name = "", namespace } }) =>
      client
        .resource(pods)
        .delete(name, namespace, { gracePeriodSeconds: 1 })
        .catch(() => {}),
    ),
  );
  const { resourceVersion = "" } = metadata;
  const events =
    left.size === 0 ? [] : client.resource(pods).watch({ fieldSelector, resourceVersion, timeoutSeconds: 20 });
  for await (const { type, object } of events) {
    if (type === "DELETED") left.delete(object.metadata.uid);
    if (left.size === 0) break;
  }
  const tasks = (await ctr("tasks", "ls", "-q")).split("\n").filter((id) => id !== "");
  await Promise.all(tasks.map((id) => ctr("tasks", "kill", "-s", "SIGKILL", id).catch(() => {})));
}
