import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Daemon, startDaemon } from "@podwright/containerd/testing/daemon";
import { freePort } from "@podwright/containerd/testing/free-port";

/** A real kubelet on this machine. */
export interface Kubelet extends Daemon {
  /** Its node's name. */
  node: string;
  /** The folder of its static pods' manifests. */
  staticPods: string;
}

/**
 * Starts a kubelet on a containerd and joins it to the cluster of a kubeconfig. Needs root.
 *
 * @param options.binary e.g. KUBEBUILDER_ASSETS/kubelet
 */
export async function startKubelet(options: {
  binary: string;
  folder: string;
  kubeconfig: string;
  containerdSocket: string;
  node: string;
  clusterDns: string;
}): Promise<Kubelet> {
  const { folder, node } = options;
  const staticPods = join(folder, "static-pods");
  await mkdir(staticPods, { recursive: true });
  const [port, healthPort] = [await freePort(), await freePort()];
  const run = promisify(execFile);
  // Logs and exec go to the node by its name's address.
  const hosts = await readFile("/etc/hosts", "utf8");
  if (!hosts.split(/\s+/).includes(node)) await writeFile("/etc/hosts", `${hosts.trimEnd()}\n127.0.0.1 ${node}\n`);
  const path = join(folder, "kubelet.json");
  await writeFile(path, JSON.stringify(configuration({ ...options, staticPods, port, healthPort })));
  const daemon = await startDaemon({
    command: options.binary,
    args: [
      `--config=${path}`,
      `--kubeconfig=${options.kubeconfig}`,
      `--root-dir=${join(folder, "kubelet")}`,
      `--cert-dir=${join(folder, "kubelet-certs")}`,
      `--hostname-override=${node}`,
    ],
    folder,
    log: join(folder, "kubelet.log"),
    ready: () => run("curl", ["-sf", `http://127.0.0.1:${healthPort}/healthz`]),
  });
  return { ...daemon, node, staticPods };
}

function configuration(options: {
  folder: string;
  containerdSocket: string;
  clusterDns: string;
  staticPods: string;
  port: number;
  healthPort: number;
}): object {
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: "127.0.0.1",
    port: options.port,
    healthzPort: options.healthPort,
    containerRuntimeEndpoint: `unix://${options.containerdSocket}`,
    staticPodPath: options.staticPods,
    podLogsDir: join(options.folder, "pod-logs"),
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: "cgroupfs",
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: "AlwaysAllow" },
    clusterDNS: [options.clusterDns],
    clusterDomain: "cluster.local",
    evictionHard: {
      "imagefs.available": "0%",
      "nodefs.available": "0%",
      "nodefs.inodesFree": "0%",
      "memory.available": "0%",
    },
  };
}
