import { access, statfs } from "node:fs/promises";
import { answers, DockerClient, daemonInfo, dockerAddress } from "@podwright/docker";
import type { RuntimeMachine } from "../runtime-machine.ts";
import { openDirectNetwork } from "./direct-network.ts";
import { DockerRuntime } from "./docker-runtime.ts";
import { OomScores } from "./oom-scores.ts";
import { ensurePauseImage } from "./pause-image.ts";
import { openPodNetwork } from "./pod-network.ts";
import { removeDockerCluster, sweepTemporary } from "./remove-docker.ts";
import { removeForeignFiles } from "./remove-foreign.ts";

type Env = Readonly<Record<string, string | undefined>>;

export interface DockerMachineOptions {
  /** Names what belongs to the cluster: see clusterId. */
  clusterId: string;
  /** Everything goes when it is closed. */
  temporary: boolean;
  /** Of the pods' network when it is made. Default: a range that is free. */
  podCidr?: string;
  /** Where the daemon is: DOCKER_HOST and the like. */
  env?: Env;
  /** False: pods get their addresses from docker even where there is a quicker way. */
  directNetwork?: boolean;
}

/** Whether a docker daemon answers. Quick where there is none. */
export async function dockerThere(env: Env = process.env): Promise<boolean> {
  try {
    const address = dockerAddress(env);
    if ("socketPath" in address && process.platform !== "win32") await access(address.socketPath);
    const docker = new DockerClient(address);
    const isThere = await answers(docker);
    docker.close();
    return isThere;
  } catch {
    return false;
  }
}

/**
 * Asks the daemon, makes the pods' network and loads the pause image where they are missing. Throws a DockerError
 * when the daemon is not there.
 */
export async function dockerMachine(options: DockerMachineOptions): Promise<RuntimeMachine> {
  const { clusterId, temporary, podCidr } = options;
  const docker = new DockerClient(dockerAddress(options.env));
  try {
    if (temporary) await sweepTemporary(docker);
    const [info, network] = await Promise.all([
      daemonInfo(docker),
      openPodNetwork({ docker, clusterId, temporary, ...(podCidr === undefined ? {} : { cidr: podCidr }) }),
    ]);
    const [direct, disk] = await Promise.all([
      options.directNetwork === false ? undefined : openDirectNetwork(network),
      statfs(info.DockerRootDir).catch(() => undefined),
      ensurePauseImage(docker, info.Architecture),
    ]);
    const { ServerVersion: version, MemTotal: memoryCapacity } = info;
    const recursiveReadOnly = Number((await docker.version()).split(".")[1]) >= 44;
    const oomScores = new OomScores();
    // Also after the end: with a connection of its own.
    const removeForeign = async (path: string): Promise<void> => {
      const own = new DockerClient(dockerAddress(options.env));
      await removeForeignFiles(own, clusterId, path).finally(() => own.close());
    };
    const shared = { docker, version, network, direct, memoryCapacity, oomScores, recursiveReadOnly };
    return {
      name: "docker",
      version,
      capacity: {
        cpu: String(info.NCPU),
        memory: `${Math.floor(memoryCapacity / 1024)}Ki`,
        pods: "110",
        ...(disk && { "ephemeral-storage": `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki` }),
      },
      podNetwork: network,
      docker,
      ...(process.getuid?.() === 0 ? {} : { removeForeign }),
      runtime: (node, _podCidr, events) => new DockerRuntime({ ...shared, owner: { clusterId, node }, events }),
      async close() {
        try {
          if (temporary) await removeDockerCluster(docker, clusterId);
        } finally {
          docker.close();
        }
      },
    };
  } catch (error) {
    docker.close();
    throw error;
  }
}
