/**
 * A container's security context as settings for a runtime
 * (k8s.io/kubernetes/pkg/kubelet/kuberuntime/security_context.go, pkg/securitycontext/util.go).
 */
import type { Container, Pod, SecurityContext } from "../kinds.ts";
import { describePod } from "../pods.ts";

/** What a runtime is to set. */
export interface ContainerSecurity {
  /** Undefined: the image's. */
  user: number | undefined;
  group: number | undefined;
  /** Beside those that the image gives the user: fsGroup first, then supplementalGroups. */
  supplementalGroups: readonly number[];
  privileged: boolean;
  readOnlyRootFilesystem: boolean;
  noNewPrivileges: boolean;
  /** Names without CAP_, "ALL" among them. To the runtime's default ones. */
  capabilities: { add: readonly string[]; drop: readonly string[] };
  /** "unconfined" is the default, as the kubelet's is. A localhost profile is a path below the seccomp folder. */
  seccomp: { type: "unconfined" | "runtime" } | { type: "localhost"; profile: string };
  maskedPaths: readonly string[];
  readonlyPaths: readonly string[];
  /** Whose namespaces the container lives in. Its IPC is the pod's where it is not the node's. */
  namespaces: { pid: "container" | "pod" | "node"; network: "pod" | "node"; ipc: "pod" | "node" };
}

const maskedPaths = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** The settings of a container of the pod: its own before the pod's. */
export function containerSecurity(pod: Pod, container: Container): ContainerSecurity {
  const shared = pod.spec.securityContext ?? {};
  const own = effective(pod, container);
  const profile = container.securityContext?.seccompProfile ?? shared.seccompProfile;
  const unmasked = own.procMount === "Unmasked";
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec;
  return {
    user: own.runAsUser,
    group: own.runAsGroup,
    supplementalGroups: [
      ...(shared.fsGroup === undefined ? [] : [shared.fsGroup]),
      ...(shared.supplementalGroups ?? []),
    ],
    privileged: own.privileged ?? false,
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    capabilities: {
      add: (own.capabilities?.add ?? []).map(withoutPrefix),
      drop: (own.capabilities?.drop ?? []).map(withoutPrefix),
    },
    seccomp: seccompOf(profile),
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
    namespaces: {
      pid: hostPID ? "node" : shareProcessNamespace ? "pod" : "container",
      network: hostNetwork ? "node" : "pod",
      ipc: hostIPC ? "node" : "pod",
    },
  };
}

function effective(pod: Pod, container: Container): SecurityContext {
  const { runAsUser, runAsGroup, runAsNonRoot } = pod.spec.securityContext ?? {};
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
    ...(runAsNonRoot === undefined ? {} : { runAsNonRoot }),
    ...container.securityContext,
  };
}

function seccompOf(profile: SecurityContext["seccompProfile"]): ContainerSecurity["seccomp"] {
  switch (profile?.type) {
    case "RuntimeDefault":
      return { type: "runtime" };
    case "Localhost":
      return { type: "localhost", profile: profile.localhostProfile ?? "" };
    default:
      return { type: "unconfined" };
  }
}

function withoutPrefix(capability: string): string {
  return capability.toUpperCase().replace(/^CAP_/, "");
}

/**
 * Why the container may not run, when it is not to run as root and would, or nobody can tell; undefined otherwise
 * (security_context_others.go, verifyRunAsNonRoot).
 *
 * @param imageUser the image's: "1000", "1000:1000", "name" or "".
 */
export function rootProblem(pod: Pod, container: Container, imageUser: string): string | undefined {
  const { runAsNonRoot, runAsUser } = effective(pod, container);
  if (!runAsNonRoot) return undefined;
  const where = `(pod: ${JSON.stringify(describePod(pod))}, container: ${container.name})`;
  if (runAsUser === 0) return `container's runAsUser breaks non-root policy ${where}`;
  if (runAsUser !== undefined) return undefined;
  const user = imageUser.split(":")[0] ?? "";
  if (user === "" || user === "0") return `container has runAsNonRoot and image will run as root ${where}`;
  if (/^\d+$/.test(user)) return undefined;
  const problem = `container has runAsNonRoot and image has non-numeric user (${user})`;
  return `${problem}, cannot verify user is non-root ${where}`;
}
