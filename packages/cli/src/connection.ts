import { type ConnectionConfig, loadKubeconfig } from "@podwright/client";

/** The flags by which commands are told of a cluster. */
export interface ClusterFlags {
  kubeconfig?: string;
  context?: string;
}

/** The cluster of --kubeconfig and --context; by default the current one. */
export function connectionOf({ kubeconfig, context }: ClusterFlags): ConnectionConfig {
  return loadKubeconfig({
    ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
}
