import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openStorage, StorageError } from "@podwright/apiserver";
import { type Clock, type Logger, silentLogger, systemClock } from "@podwright/client";
import { sleep } from "@podwright/clock";
import { clusterId } from "./cluster-id.ts";
import type { OpenHostCommandsOptions } from "./network/open-host-commands.ts";
import { nodeDirectory, removeNodeDirectory } from "./node/node-directory.ts";

export interface RemoveFromMachineOptions {
  dataDir: string;
  /** DOCKER_HOST and the like. Default: the process's. */
  env?: Readonly<Record<string, string | undefined>>;
  clock?: Clock;
  logger?: Logger;
}

export interface RemovedFromMachine {
  /** The process that ran the cluster, and was stopped. */
  stopped: number | undefined;
  containers: number;
  networks: number;
  /** A docker daemon was there to ask. */
  docker: boolean;
  /** A containerd was there to ask. */
  containerd: boolean;
}

/** How long a cluster may take to stop. */
const stopMs = 60_000;
const lookEveryMs = 100;

const none = { containers: 0, networks: 0 };

/**
 * Takes everything off this machine that the cluster of a data directory has there: its process, containers,
 * networks, rules, mounts and the pods' folders. Its objects and volumes stay in the directory, so that the next
 * start brings the pods back. Fine when there is nothing. Throws when something cannot be removed.
 */
export async function removeFromMachine(options: RemoveFromMachineOptions): Promise<RemovedFromMachine> {
  const { clock = systemClock, logger = silentLogger, env } = options;
  const dataDir = resolve(options.dataDir);
  const id = clusterId(dataDir);
  const held = await holdStorage(join(dataDir, "data"), clock);
  try {
    const [{ dockerThere }, { containerdThere }] = await Promise.all([
      import("./node/runtimes/docker/machine.ts"),
      import("./node/runtimes/containerd/machine.ts"),
    ]);
    const [docker, containerd] = await Promise.all([dockerThere(env), containerdThere(env)]);
    const fromDocker = docker ? await removeFromDocker(id, dataDir, env, logger) : none;
    const fromContainerd = containerd ? await removeFromContainerd(id, env, logger) : none;
    await removeNodeDirectory(nodeDirectory(dataDir, id));
    return {
      stopped: held.stopped,
      containers: fromDocker.containers + fromContainerd.containers,
      networks: fromDocker.networks + fromContainerd.networks,
      docker,
      containerd,
    };
  } finally {
    await held.release();
  }
}

async function removeFromDocker(id: string, dataDir: string, env: RemoveFromMachineOptions["env"], logger: Logger) {
  const [{ DockerClient, dockerAddress }, { removeDockerCluster }, { removeForeignFiles }] = await Promise.all([
    import("@podwright/docker"),
    import("./node/runtimes/docker/remove-docker.ts"),
    import("./node/runtimes/docker/remove-foreign.ts"),
  ]);
  const docker = new DockerClient(dockerAddress(env));
  try {
    await removeRules({ clusterId: id, docker, logger });
    const removed = await removeDockerCluster(docker, id);
    await removeNodeDirectory(nodeDirectory(dataDir, id), (path) => removeForeignFiles(docker, id, path));
    return removed;
  } finally {
    docker.close();
  }
}

async function removeFromContainerd(id: string, env: RemoveFromMachineOptions["env"], logger: Logger) {
  const [{ connectContainerd, containerdSocket }, { removeContainerdCluster }] = await Promise.all([
    import("./node/runtimes/containerd/machine.ts"),
    import("./node/runtimes/containerd/remove-containerd.ts"),
  ]);
  const { connection } = await connectContainerd(containerdSocket(env));
  try {
    await removeRules({ clusterId: id, logger });
    return await removeContainerdCluster(connection, id);
  } finally {
    connection.close();
  }
}

async function removeRules(options: OpenHostCommandsOptions): Promise<void> {
  const { openHostCommands } = await import("./network/open-host-commands.ts");
  const { removeServiceNetwork } = await import("./network/start-service-network.ts");
  const hostCommands = await openHostCommands(options);
  if (hostCommands !== undefined) await removeServiceNetwork(options.clusterId, hostCommands);
  await hostCommands?.close?.();
}

/** Ends the process that runs the cluster, and keeps another from starting it meanwhile. */
async function holdStorage(
  path: string,
  clock: Clock,
): Promise<{ stopped: number | undefined; release(): Promise<void> }> {
  let stopped: number | undefined;
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (!isThere) return { stopped, release: async () => {} };
  const untilMs = clock.now() + stopMs;
  for (;;) {
    try {
      const storage = await openStorage({ type: "lmdb", path });
      return { stopped, release: async () => storage.close() };
    } catch (error) {
      const pid = error instanceof StorageError && error.code === "locked" ? error.ownerPid : undefined;
      if (pid === undefined || clock.now() > untilMs) throw error;
      // A second signal would end it at once, with its pods' ends untold.
      if (stopped !== pid) process.kill(pid, "SIGTERM");
      stopped = pid;
      await sleep(clock, lookEveryMs);
    }
  }
}
