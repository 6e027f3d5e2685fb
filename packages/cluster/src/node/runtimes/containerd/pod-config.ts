import { join, normalize } from "node:path";
import {
  type ContainerConfigMessage,
  mountPropagations,
  namespaceModes,
  protocols,
  type SandboxConfigMessage,
  seccompTypes,
} from "@podwright/containerd/cri";
import type { Container, Pod } from "../../../kinds.ts";
import { type ContainerLimits, containerLimits } from "../../container-limits.ts";
import { type ContainerSecurity, containerSecurity } from "../../container-security.ts";
import { type ContainerConfig, ContainerStartError, type SandboxConfig } from "../../runtime.ts";
import { containerLabels, type RuntimeOwner, sandboxLabels } from "../labels.ts";

/** Where the kubelet looks for the profiles that pods name. */
const seccompFolder = "/var/lib/kubelet/seccomp";

/** The folder of a pod's logs: what {@link ContainerConfig.logDirectory} will be. */
export function logFolder({ directory }: SandboxConfig): string {
  return join(directory, "containers");
}

/** Where in that folder the log of one run of a container is. */
export function logPath(container: string, attempt: number): string {
  return `${container}/${attempt}.log`;
}

/** @param attempt how many sandboxes the pod has had before */
export function criSandbox(
  owner: RuntimeOwner,
  pod: Pod,
  config: SandboxConfig,
  attempt: number,
): SandboxConfigMessage {
  const { name = "", uid = "", namespace = "" } = pod.metadata;
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec;
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const ports = hostNetwork ? [] : containers.flatMap((container) => container.ports ?? []);
  return {
    metadata: { name, uid, namespace, attempt },
    hostname: hostNetwork ? "" : config.hostname,
    logDirectory: logFolder(config),
    ...(config.dns && { dns: config.dns }),
    portMappings: ports
      .filter(({ hostPort }) => hostPort)
      .map(({ protocol = "TCP", containerPort, hostPort = 0, hostIP = "" }) => ({
        protocol: protocols[protocol as keyof typeof protocols] ?? protocols.TCP,
        containerPort,
        hostPort,
        hostIp: hostIP,
      })),
    labels: sandboxLabels(owner, pod),
    annotations: pod.metadata.annotations ?? {},
    linux: {
      sysctls: { ...config.sysctls },
      security: {
        namespaces: {
          network: hostNetwork ? namespaceModes.node : namespaceModes.pod,
          pid: hostPID ? namespaceModes.node : shareProcessNamespace ? namespaceModes.pod : namespaceModes.container,
          ipc: hostIPC ? namespaceModes.node : namespaceModes.pod,
        },
        privileged: containers.some((container) => containerSecurity(pod, container).privileged),
        seccomp: { type: seccompTypes.runtime },
      },
    },
  };
}

/** @param memoryCapacity bytes of the node */
export function criContainer(
  owner: RuntimeOwner,
  pod: Pod,
  container: Container,
  config: ContainerConfig,
  memoryCapacity: number,
): ContainerConfigMessage {
  const security = containerSecurity(pod, container);
  const groups = [...security.supplementalGroups, ...config.supplementalGroups];
  return {
    metadata: { name: container.name, attempt: config.attempt },
    image: { image: container.image ?? "" },
    command: [...(config.command ?? [])],
    args: [...(config.args ?? [])],
    workingDir: container.workingDir ?? "",
    envs: config.env.map(({ name, value }) => ({ key: name, value })),
    mounts: config.mounts.map(({ hostPath, containerPath, readOnly, propagation, recursiveReadOnly }) => ({
      hostPath,
      containerPath,
      readonly: readOnly,
      propagation: mountPropagations[propagation],
      recursiveReadOnly: recursiveReadOnly ?? false,
    })),
    labels: containerLabels(owner, pod, container, config.attempt),
    annotations: {},
    logPath: logPath(container.name, config.attempt),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: criResources(containerLimits(pod, container, memoryCapacity)),
      security: { ...criSecurity(security, config), supplementalGroups: [...new Set(groups)] },
    },
  };
}

export function criResources({ cpuShares, cpuQuota, cpuPeriod, memoryBytes, oomScoreAdj }: ContainerLimits) {
  return {
    cpuShares,
    cpuPeriod,
    // 0 would be "as it is" for a running container.
    cpuQuota: cpuQuota === 0 ? -1 : cpuQuota,
    memoryLimit: memoryBytes,
    oomScoreAdj,
  };
}

function criSecurity(security: ContainerSecurity, { image, targetId }: ContainerConfig) {
  const { user, group, namespaces } = security;
  // A group alone needs a user to go with: the image's.
  const imageUser = Number((image.user ?? "").split(":")[0] || 0);
  const chosen = user ?? (group === undefined || Number.isNaN(imageUser) ? undefined : imageUser);
  return {
    capabilities: { add: [...security.capabilities.add], drop: [...security.capabilities.drop] },
    privileged: security.privileged,
    namespaces: {
      network: namespaces.network === "node" ? namespaceModes.node : namespaceModes.pod,
      ipc: namespaces.ipc === "node" ? namespaceModes.node : namespaceModes.pod,
      ...(targetId === undefined ? { pid: namespaceModes[namespaces.pid] } : { pid: namespaceModes.target, targetId }),
    },
    ...(chosen === undefined ? {} : { runAsUser: { value: chosen } }),
    ...(group === undefined ? {} : { runAsGroup: { value: group } }),
    readonlyRootfs: security.readOnlyRootFilesystem,
    noNewPrivs: security.noNewPrivileges,
    maskedPaths: security.privileged ? [] : [...security.maskedPaths],
    readonlyPaths: security.privileged ? [] : [...security.readonlyPaths],
    seccomp: seccompOf(security.seccomp),
  };
}

function seccompOf(seccomp: ContainerSecurity["seccomp"]): { type: number; localhostRef?: string } {
  if (seccomp.type !== "localhost") return { type: seccompTypes[seccomp.type] };
  const path = normalize(join(seccompFolder, seccomp.profile));
  if (path.startsWith(`${seccompFolder}/`)) return { type: seccompTypes.localhost, localhostRef: path };
  throw new ContainerStartError(
    "CreateContainerError",
    `cannot load seccomp profile ${JSON.stringify(path)}: it is outside of the folder of profiles`,
  );
}
