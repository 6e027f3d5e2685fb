export { dockerHostCommands } from "./docker-host-commands.ts";
export { childProcessCommands, HostCommandError, type HostCommands } from "./host-commands.ts";
export { type ServiceNetwork, type ServiceNetworkOptions, startServiceNetwork } from "./start-service-network.ts";
