/** Kernel parameters that a pod may set for itself (k8s.io/kubernetes/pkg/kubelet/sysctl). */
import type { Pod } from "../kinds.ts";

/** They are of the pod's own namespaces, and no other pod feels them. */
const safe = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_wmem",
]);

/** Why the pod is refused for the parameters that it sets; undefined when it may. */
export function sysctlProblem({ spec }: Pod): { reason: "SysctlForbidden"; message: string } | undefined {
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const why = forbidden(name.replaceAll("/", "."), spec);
    if (why !== undefined) return { reason: "SysctlForbidden", message: `forbidden sysctl: "${why}` };
  }
  return undefined;
}

function forbidden(name: string, { hostNetwork, hostIPC }: Pod["spec"]): string | undefined {
  if (!safe.has(name)) return `${name}" not allowlisted`;
  if (hostNetwork && name.startsWith("net.")) return `${name}" not allowed with host net enabled`;
  if (hostIPC && name.startsWith("kernel.shm")) return `${name}" not allowed with host ipc enabled`;
  return undefined;
}
