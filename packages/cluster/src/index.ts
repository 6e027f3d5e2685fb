export { inProcessTransport } from "./in-process-transport.ts";
export * from "./node/runtime.ts";
export { type RunningNodes, type StartNodesOptions, startNodes } from "./node/start-nodes.ts";
export * from "./start-cluster.ts";
