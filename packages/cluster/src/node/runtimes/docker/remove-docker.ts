import { type DockerClient, listContainers, listNetworks, removeContainer, removeNetwork } from "@podwright/docker";
import { clusterLabel, processLabel } from "../labels.ts";
import { isDead } from "../owner-process.ts";

/** Removes everything that a cluster has at a daemon: containers, then its network. Fine when there is nothing. */
export async function removeDockerCluster(
  docker: DockerClient,
  clusterId: string,
): Promise<{ containers: number; networks: number }> {
  const labels = [`${clusterLabel}=${clusterId}`];
  const containers = await listContainers(docker, labels);
  await Promise.all(containers.map(({ Id }) => removeContainer(docker, Id, true)));
  const networks = await listNetworks(docker, labels);
  await Promise.all(networks.map(({ Id }) => removeNetwork(docker, Id)));
  return { containers: containers.length, networks: networks.length };
}

/** Removes what clusters in memory left behind whose process was killed. */
export async function sweepTemporary(docker: DockerClient): Promise<void> {
  for (const { Labels } of await listNetworks(docker, [processLabel])) {
    const { [clusterLabel]: clusterId, [processLabel]: owner = "" } = Labels ?? {};
    if (clusterId !== undefined && (await isDead(owner))) await removeDockerCluster(docker, clusterId);
  }
}
