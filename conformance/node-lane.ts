import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { InformerFactory, loadKubeconfig, nodes as nodesResource, silentLogger, systemClock } from "@podwright/client";
import { startCluster } from "@podwright/cluster";
import { childProcessCommands, startServiceNetwork } from "@podwright/cluster/network";
import { clientOf, type Lane, laneOf, onRealCluster, type Started } from "./lane.ts";
import { type Dockerd, startDockerd } from "./machine/dockerd.ts";
import { removeFolder, shortFolder } from "./machine/folder.ts";
import type { ImageDescription } from "./machine/images.ts";
import { freeNetwork, startNetworkedContainerd } from "./machine/pod-network.ts";
import { missingFor } from "./machine/programs.ts";
import { joinKubelet, realNodeMissing } from "./real-node.ts";

/** A lane whose only node runs real containers: docker's on the embedded cluster, a real kubelet's on a real one. */
export interface NodeLane extends Lane {
  runtime: "docker" | "containerd" | "kubelet";
  /** The node's name. */
  node: string;
  /** The folder of the node's static pods. */
  staticPods: string;
  /** Where pods reach what listens on this machine. */
  gateway: string;
  /** The socket of the node's docker or containerd. */
  engineSocket: string;
  /** The node's docker, where it is docker. */
  docker: Dockerd | undefined;
  /** Puts images on the node from an archive of `docker save`. */
  loadArchive(path: string): Promise<void>;
  /** Puts images of busybox-static on the node; the same names replace what was there. */
  load(...images: ImageDescription[]): Promise<void>;
}

/** Why there can be no such lane on this machine, if so. */
export const nodeLaneMissing: string | undefined = onRealCluster
  ? realNodeMissing()
  : missingFor("dockerd", "docker", "runc", "iptables");

/**
 * Opens the lane with images busybox:1.36 and busybox:latest on its node.
 *
 * @param options.runtime of the embedded cluster; default: what LANE_RUNTIME says, else docker
 */
export async function openNodeLane(
  options: { operator?: boolean; runtime?: "docker" | "containerd" } = {},
): Promise<NodeLane> {
  const opened = await (onRealCluster ? realNode() : embeddedNode(options.runtime ?? laneRuntime()));
  const { started, ...node } = opened;
  const lane = await laneOf(started, options.operator === true);
  await node.load({ name: "docker.io/library/busybox:1.36" }, { name: "docker.io/library/busybox:latest" });
  return { ...lane, ...node };
}

function laneRuntime(): "docker" | "containerd" {
  return process.env["LANE_RUNTIME"] === "containerd" ? "containerd" : "docker";
}

interface Opened
  extends Pick<
    NodeLane,
    "runtime" | "node" | "staticPods" | "load" | "loadArchive" | "gateway" | "engineSocket" | "docker"
  > {
  started: Started;
}

/** Opens with a list of what is to be undone, in the reverse order, when the lane closes or does not open. */
async function opening(
  open: (
    folder: string,
    undo: (() => unknown)[],
  ) => Promise<Omit<Opened, "started"> & Omit<Started, "folder" | "stop">>,
): Promise<Opened> {
  const folder = await shortFolder("pwl-");
  const undo: (() => unknown)[] = [() => removeFolder(folder)];
  const stop = async (): Promise<void> => {
    const problems: unknown[] = [];
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      await Promise.resolve(step()).catch((error) => problems.push(error));
    }
    if (problems.length > 0) throw problems[0];
  };
  try {
    const { kubeconfig, operatorClient, ...opened } = await open(folder, undo);
    return { ...opened, started: { folder, kubeconfig, operatorClient, stop } };
  } catch (error) {
    await stop();
    throw error;
  }
}

function embeddedNode(runtime: "docker" | "containerd"): Promise<Opened> {
  return opening(async (folder, undo) => {
    const daemon = await (runtime === "docker"
      ? startDockerd({ folder })
      : startNetworkedContainerd(folder, await freeNetwork(), undo));
    if (runtime === "docker") undo.push(() => daemon.stop());
    process.env["DOCKER_HOST"] = `unix://${daemon.socket}`;
    process.env["CONTAINERD_ADDRESS"] = daemon.socket;
    const kubeconfig = join(folder, "kubeconfig");
    const staticPods = join(folder, "static-pods");
    const node = { staticPodPath: staticPods };
    const cluster = await startCluster({ port: 0, runtime, kubeconfigPath: kubeconfig, node });
    undo.push(() => cluster.stop());
    const [registered] = (await cluster.client.resource(nodesResource).list()).items;
    const name = registered?.metadata.name as string;
    const load: NodeLane["load"] = (...images) => daemon.load(...images);
    return {
      runtime,
      node: name,
      staticPods,
      gateway: registered?.["status"]?.addresses?.[0]?.address ?? "",
      engineSocket: daemon.socket,
      docker: "docker" in daemon ? daemon : undefined,
      load,
      loadArchive: (path) => daemon.loadArchive(path),
      kubeconfig,
      operatorClient: cluster.client,
    };
  });
}

function realNode(): Promise<Opened> {
  return opening(async (folder, undo) => {
    const kubeconfig = process.env["KUBECONFIG_REAL"] as string;
    // CNI makes a bridge with the first pod; the service network needs its address before.
    const podNetwork = await freeNetwork();
    const containerd = await startNetworkedContainerd(folder, podNetwork, undo);
    const node = "podwright-real-node";
    const client = clientOf(kubeconfig);
    undo.push(() => client.close());
    const informers = new InformerFactory(client, { logger: silentLogger });
    undo.push(() => informers.stop());
    informers.start();
    // A real cluster here has no kube-proxy and no DNS: the embedded cluster's do the work.
    const hostCommands = childProcessCommands();
    const network = await startServiceNetwork({
      clusterId: randomBytes(6).toString("hex"),
      client,
      informers,
      podNetwork,
      hostCommands,
      apiServer: await addressOf(kubeconfig),
      logger: silentLogger,
      clock: systemClock,
    });
    undo.push(() => network.stop());
    const clusterDns = network.clusterDns[0] as string;
    const kubelet = await joinKubelet({ folder, kubeconfig, client, containerd, node, clusterDns }, undo);
    const load: NodeLane["load"] = (...images) => containerd.load(...images);
    return {
      runtime: "kubelet",
      node,
      staticPods: kubelet.staticPods,
      gateway: podNetwork.gateway,
      engineSocket: containerd.socket,
      docker: undefined,
      load,
      loadArchive: (path) => containerd.loadArchive(path),
      kubeconfig,
      operatorClient: client,
    };
  });
}

async function addressOf(kubeconfig: string): Promise<{ host: string; port: number }> {
  const { server } = loadKubeconfig({ path: kubeconfig });
  const { hostname, port } = new URL(server);
  return { host: hostname, port: Number(port) };
}
