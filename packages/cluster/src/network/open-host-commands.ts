import type { Logger } from "@podwright/client";
import type { DockerClient } from "@podwright/docker";
import { childProcessCommands, type HostCommands } from "./host-commands.ts";

export interface OpenHostCommandsOptions {
  clusterId: string;
  /** Where pods run in docker, on this machine. */
  docker?: DockerClient;
  logger: Logger;
  /** Default: this process's. */
  uid?: number;
  platform?: NodeJS.Platform;
}

/**
 * The way to change this machine's network: as root by its programs, else by a container of docker's. Undefined, and
 * said in one line, where there is neither way, or no iptables.
 */
export async function openHostCommands(options: OpenHostCommandsOptions): Promise<HostCommands | undefined> {
  const { clusterId, docker, logger, uid = process.getuid?.(), platform = process.platform } = options;
  if (platform !== "linux") return undefined;
  let commands: HostCommands | undefined;
  try {
    if (uid === 0) commands = childProcessCommands();
    else if (docker !== undefined) {
      const { dockerHostCommands } = await import("./docker-host-commands.ts");
      commands = await dockerHostCommands(docker, clusterId);
    }
    // What it cannot do it says here, and not at the first Service.
    await commands?.run(["iptables-save", "-t", "nat"]);
    return commands;
  } catch (error) {
    await commands?.close?.();
    logger.warn("the machine's network cannot be changed", { error: (error as Error).message });
    return undefined;
  }
}
