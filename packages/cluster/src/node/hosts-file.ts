/** A pod's name on its network, and its /etc/hosts (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go). */
import type { Pod } from "../kinds.ts";

const maxHostnameLength = 63;
const maxKernelLength = 64;

/** @param clusterDomain "cluster.local" */
export function podHostname(pod: Pod, clusterDomain: string): { hostname: string; domain: string } {
  const { hostnameOverride, hostname, subdomain } = pod.spec;
  const cut = (name: string): string => name.slice(0, maxHostnameLength).replace(/[-.]+$/, "");
  if (hostnameOverride) return { hostname: cut(hostnameOverride), domain: "" };
  const domain = subdomain ? `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : "";
  return { hostname: cut(hostname || (pod.metadata.name ?? "")), domain };
}

/**
 * The name that the kernel gives out in the pod's network: with the domain, where the pod wants that. Throws when it is
 * longer than kernels take.
 */
export function kernelHostname(pod: Pod, clusterDomain: string): string {
  const { hostname, domain } = podHostname(pod, clusterDomain);
  if (!pod.spec.setHostnameAsFQDN || pod.spec.hostnameOverride || domain === "") return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length <= maxKernelLength) return full;
  const limits = `${maxKernelLength} characters is the max, ${full.length} characters requested`;
  throw new Error(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${limits})`,
  );
}

export interface HostsFileOptions {
  podIps: readonly string[];
  hostname: string;
  /** "" without a subdomain. */
  domain: string;
  /** The text of the node's own file, for pods on its network. */
  nodeHosts: string;
}

/** The text of /etc/hosts in the pod's containers. */
export function hostsFile(pod: Pod, { podIps, hostname, domain, nodeHosts }: HostsFileOptions): string {
  const lines = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}\n`);
  const aliases = lines.length === 0 ? "" : `\n# Entries added by HostAliases.\n${lines.join("")}`;
  if (pod.spec.hostNetwork) return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliases}`;
  const names = domain === "" ? hostname : `${hostname}.${domain}\t${hostname}`;
  return [
    "# Kubernetes-managed hosts file.\n",
    "127.0.0.1\tlocalhost\n",
    "::1\tlocalhost ip6-localhost ip6-loopback\n",
    "fe00::0\tip6-localnet\n",
    "fe00::0\tip6-mcastprefix\n",
    "fe00::1\tip6-allnodes\n",
    "fe00::2\tip6-allrouters\n",
    ...podIps.map((ip) => `${ip}\t${names}\n`),
    aliases,
  ].join("");
}
