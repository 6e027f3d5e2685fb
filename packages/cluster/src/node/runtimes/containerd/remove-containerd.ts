import type { GrpcConnection } from "@podwright/containerd";
import { cri } from "@podwright/containerd/cri";
import { clusterLabel, processLabel } from "../labels.ts";
import { isDead } from "../owner-process.ts";
import { abandonedNetworks, removeCniNetwork } from "./pod-network.ts";

/** Undoing a pod's network may take its time. */
const slow = { timeoutMs: 120_000 };

/** Removes everything that a cluster has at a daemon: pods, then the network that was made for them. */
export async function removeContainerdCluster(
  connection: GrpcConnection,
  clusterId: string,
): Promise<{ containers: number; networks: number }> {
  const filter = { labels: { [clusterLabel]: clusterId } };
  const [{ items }, { containers }] = await Promise.all([
    connection.unary(cri.listPodSandbox, { filter }),
    connection.unary(cri.listContainers, { filter }),
  ]);
  await Promise.all(
    items.map(async ({ id }) => {
      await connection.unary(cri.stopPodSandbox, { id }, slow);
      await connection.unary(cri.removePodSandbox, { id }, slow);
    }),
  );
  const networks = (await removeCniNetwork(connection, clusterId)) ? 1 : 0;
  return { containers: items.length + containers.length, networks };
}

/** Removes what clusters in memory left behind whose process was killed. */
export async function sweepContainerd(connection: GrpcConnection): Promise<void> {
  const { items } = await connection.unary(cri.listPodSandbox, {});
  const abandoned = new Set(await abandonedNetworks(connection));
  for (const { labels } of items) {
    const { [clusterLabel]: clusterId, [processLabel]: owner } = labels;
    if (clusterId === undefined || owner === undefined || abandoned.has(clusterId)) continue;
    if (await isDead(owner)) abandoned.add(clusterId);
  }
  for (const clusterId of abandoned) await removeContainerdCluster(connection, clusterId);
}
