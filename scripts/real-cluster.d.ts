/** A real control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler on loopback. No nodes. */
export interface RealCluster {
  kubeconfig: string;
  /** Process ids by name. */
  pids: Record<string, number>;
  stop(): Promise<void>;
}
/**
 * Starts one from the binaries in a folder laid out as envtest's KUBEBUILDER_ASSETS, in a temporary folder and on free
 * ports of its own. Resolves when it is ready; throws with the end of the API server's log when it does not get so.
 */
export declare function startRealCluster(
  assets: string,
  options?: {
    controllers?: boolean;
  },
): Promise<RealCluster>;
