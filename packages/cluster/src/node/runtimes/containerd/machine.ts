import { access, statfs } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import type { GrpcConnection } from "@podwright/containerd";
import { thisProcess } from "../owner-process.ts";
import type { RuntimeMachine } from "../runtime-machine.ts";
import { ContainerdRuntime } from "./containerd-runtime.ts";
import { openCniNetwork } from "./pod-network.ts";
import { removeContainerdCluster, sweepContainerd } from "./remove-containerd.ts";

type Env = Readonly<Record<string, string | undefined>>;

export interface ContainerdMachineOptions {
  /** Names what belongs to the cluster: see clusterId. */
  clusterId: string;
  /** Everything goes when it is closed. */
  temporary: boolean;
  /** Of the pods' network when it is made. Default: a range that is free. */
  podCidr?: string;
  /** CONTAINERD_ADDRESS, as ctr and nerdctl read it. */
  env?: Env;
}

const usualSocket = "/run/containerd/containerd.sock";

export function containerdSocket(env: Env = process.env): string {
  return (env["CONTAINERD_ADDRESS"] || usualSocket).replace(/^unix:\/\//, "");
}

/** Whether a containerd with its Container Runtime Interface answers. Quick where there is none. */
export async function containerdThere(env?: Env): Promise<boolean> {
  try {
    await access(containerdSocket(env));
    const { connection, version } = await connectContainerd(containerdSocket(env));
    connection.close();
    return version !== "";
  } catch {
    return false;
  }
}

/** Opens the daemon. Throws when no such containerd answers. */
export async function connectContainerd(socket: string): Promise<{ connection: GrpcConnection; version: string }> {
  const [{ GrpcConnection }, { cri }] = await Promise.all([
    import("@podwright/containerd"),
    import("@podwright/containerd/cri"),
  ]);
  const connection = new GrpcConnection({ socket });
  try {
    await connection.ready(2_000);
    const { runtimeVersion } = await connection.unary(cri.version, { version: "v1" });
    return { connection, version: runtimeVersion };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Asks the daemon, and makes the pods' network where it has none. Throws an Error that says what is wrong. */
export async function containerdMachine(options: ContainerdMachineOptions): Promise<RuntimeMachine> {
  const { clusterId, temporary } = options;
  const owner = temporary ? { process: await thisProcess() } : {};
  const socket = containerdSocket(options.env);
  const { connection, version } = await connectContainerd(socket).catch((error) => {
    throw new Error(`containerd does not answer at ${socket}: ${(error as Error).message}`, { cause: error });
  });
  try {
    if (temporary) await sweepContainerd(connection);
    const [podNetwork, disk] = await Promise.all([
      openCniNetwork(connection, {
        clusterId,
        ...(options.podCidr === undefined ? {} : { cidr: options.podCidr }),
        ...owner,
      }),
      statfs("/").catch(() => undefined),
    ]);
    const memoryCapacity = totalmem();
    return {
      name: "containerd",
      version,
      capacity: {
        cpu: String(availableParallelism()),
        memory: `${Math.floor(memoryCapacity / 1024)}Ki`,
        pods: "110",
        ...(disk && { "ephemeral-storage": `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki` }),
      },
      podNetwork,
      runtime: (node, _podCidr, events) =>
        new ContainerdRuntime({ connection, version, owner: { clusterId, node, ...owner }, memoryCapacity, events }),
      async close() {
        try {
          if (temporary) await removeContainerdCluster(connection, clusterId);
        } finally {
          connection.close();
        }
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}
