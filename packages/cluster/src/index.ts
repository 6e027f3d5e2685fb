export { inProcessTransport } from "./in-process-transport.ts";
export * from "./node/runtime.ts";
export type { RuntimeName } from "./node/runtimes/runtime-machine.ts";
export { type RunningNodes, type StartNodesOptions, startNodes } from "./node/start-nodes.ts";
export { type RemovedFromMachine, type RemoveFromMachineOptions, removeFromMachine } from "./remove-from-machine.ts";
export * from "./start-cluster.ts";
