import type { Client, Clock, InformerFactory, Logger } from "@podwright/client";
import type { RuntimeMachine } from "../node/runtimes/runtime-machine.ts";
import { openHostCommands } from "./open-host-commands.ts";
import { type ServiceNetwork, type ServiceNetworkOptions, startServiceNetwork } from "./start-service-network.ts";

export interface ClusterNetworkOptions {
  machine: Pick<RuntimeMachine, "podNetwork" | "docker">;
  clusterId: string;
  client: Client;
  informers: InformerFactory;
  apiServer?: { host: string; port: number };
  logger: Logger;
  clock: Clock;
}

/**
 * The service network for the pods of a machine, with as much of it as this process may have; undefined where pods
 * have no network of their own here (simulated ones, a daemon on another machine).
 */
export async function openClusterNetwork(options: ClusterNetworkOptions): Promise<ServiceNetwork | undefined> {
  const { machine, clusterId, logger, ...shared } = options;
  const { podNetwork, docker } = machine;
  if (podNetwork === undefined) return undefined;
  const common: Omit<ServiceNetworkOptions, "hostCommands"> = { ...shared, clusterId, logger, podNetwork };
  const commands = await openHostCommands({ clusterId, logger, ...(docker && { docker }) });
  let network: ServiceNetwork | undefined;
  try {
    network = await startServiceNetwork({ ...common, hostCommands: commands });
  } catch (error) {
    await commands?.close?.();
    logger.error("the service network could not be started as a whole", { error: (error as Error).message });
    // The gateway's address is nobody's where docker runs in a machine of its own.
    return commands === undefined
      ? undefined
      : startServiceNetwork({ ...common, hostCommands: undefined }).catch(() => undefined);
  }
  const { stop } = network;
  return {
    ...network,
    async stop() {
      await stop();
      await commands?.close?.();
    },
  };
}
