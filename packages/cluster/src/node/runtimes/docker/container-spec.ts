import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import type { ContainerResources, ContainerSpec, HostConfig, MountSpec } from "@podwright/docker";
import type { Container, Pod } from "../../../kinds.ts";
import { type ContainerLimits, containerLimits } from "../../container-limits.ts";
import { type ContainerSecurity, containerSecurity } from "../../container-security.ts";
import { type ContainerConfig, ContainerStartError, type Mount } from "../../runtime.ts";
import { containerLabels, type RuntimeOwner } from "../labels.ts";
import type { OomScores } from "./oom-scores.ts";

/** As the kubelet rotates logs: five files of 10 MiB. */
export const logConfig = { Type: "json-file", Config: { "max-size": "10m", "max-file": "5" } };

/** Where the kubelet looks for the profiles that pods name. */
const seccompFolder = "/var/lib/kubelet/seccomp";

export interface ContainerSpecOptions {
  owner: RuntimeOwner;
  /** The pause container's id. */
  sandboxId: string;
  /** The pod's own files that the runtime makes: they are mounted where the agent mounts nothing. */
  ownFiles: readonly Mount[];
  /** Bytes of the node. */
  memoryCapacity: number;
  oomScores: OomScores;
  /** The daemon knows of read-only mounts with all below them: API 1.44, docker 25. */
  recursiveReadOnly: boolean;
}

/** A container of a pod as docker is told to make it. */
export async function containerSpec(
  pod: Pod,
  container: Container,
  config: ContainerConfig,
  { owner, sandboxId, ownFiles, memoryCapacity, oomScores, recursiveReadOnly }: ContainerSpecOptions,
): Promise<ContainerSpec> {
  const security = containerSecurity(pod, container);
  const limits = containerLimits(pod, container, memoryCapacity);
  const mounted = new Set(config.mounts.map(({ containerPath }) => containerPath));
  const mounts = [...ownFiles.filter(({ containerPath }) => !mounted.has(containerPath)), ...config.mounts];
  const groups = [...security.supplementalGroups, ...config.supplementalGroups];
  return {
    Image: container.image ?? "",
    Labels: containerLabels(owner, pod, container, config.attempt),
    Env: config.env.map(({ name, value }) => `${name}=${value}`),
    ...(config.command === undefined ? {} : { Entrypoint: config.command }),
    ...(config.args === undefined ? {} : { Cmd: config.args }),
    ...(container.workingDir ? { WorkingDir: container.workingDir } : {}),
    ...userOf(security, config.image.user ?? ""),
    Tty: container.tty ?? false,
    OpenStdin: container.stdin ?? false,
    StdinOnce: container.stdinOnce ?? false,
    // Probes are the pod's matter.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      NetworkMode: `container:${sandboxId}`,
      IpcMode: security.namespaces.ipc === "node" ? "host" : `container:${sandboxId}`,
      ...pidMode(security, sandboxId, config.targetId),
      RestartPolicy: { Name: "no" },
      LogConfig: logConfig,
      OomScoreAdj: oomScores.allowed(limits.oomScoreAdj),
      Mounts: mounts.map((mount) => mountSpec(mount, recursiveReadOnly)),
      GroupAdd: [...new Set(groups.map(String))],
      ...containerResources(limits),
      ...(await securityConfig(security)),
    },
  };
}

function pidMode(
  { namespaces }: ContainerSecurity,
  sandboxId: string,
  targetId: string | undefined,
): { PidMode?: string } {
  if (targetId !== undefined) return { PidMode: `container:${targetId}` };
  if (namespaces.pid === "node") return { PidMode: "host" };
  return namespaces.pid === "pod" ? { PidMode: `container:${sandboxId}` } : {};
}

/** A group alone needs a user to go with: the image's. */
function userOf({ user, group }: ContainerSecurity, imageUser: string): { User?: string } {
  if (user === undefined && group === undefined) return {};
  const name = user ?? (imageUser.split(":")[0] || "0");
  return { User: group === undefined ? String(name) : `${name}:${group}` };
}

/** Limits as docker has them. Without swap, as the kubelet wants it by default. */
export function containerResources(limits: ContainerLimits): ContainerResources {
  return {
    CpuShares: limits.cpuShares,
    ...(limits.cpuQuota === 0 ? {} : { CpuQuota: limits.cpuQuota, CpuPeriod: limits.cpuPeriod }),
    ...(limits.memoryBytes === 0 ? {} : { Memory: limits.memoryBytes, MemorySwap: limits.memoryBytes }),
  };
}

async function securityConfig(security: ContainerSecurity): Promise<HostConfig> {
  const options = security.noNewPrivileges ? ["no-new-privileges"] : [];
  const { seccomp } = security;
  if (security.privileged) {
    // Docker itself takes seccomp and masks away.
  } else if (seccomp.type === "unconfined") options.push("seccomp=unconfined");
  else if (seccomp.type === "localhost") options.push(`seccomp=${await seccompProfile(seccomp.profile)}`);
  return {
    Privileged: security.privileged,
    ReadonlyRootfs: security.readOnlyRootFilesystem,
    CapAdd: security.capabilities.add,
    CapDrop: security.capabilities.drop,
    SecurityOpt: options,
    ...(security.privileged ? {} : { MaskedPaths: security.maskedPaths, ReadonlyPaths: security.readonlyPaths }),
  };
}

async function seccompProfile(profile: string): Promise<string> {
  const path = normalize(join(seccompFolder, profile));
  try {
    if (!path.startsWith(`${seccompFolder}/`)) throw new Error("it is outside of the folder of profiles");
    return JSON.stringify(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw new ContainerStartError(
      "CreateContainerError",
      `cannot load seccomp profile ${JSON.stringify(path)}: ${(error as Error).message}`,
    );
  }
}

/** None is left to docker: it is private there too, but for folders around docker's own, which must not be. */
const propagations = { None: undefined, HostToContainer: "rslave", Bidirectional: "rshared" } as const;

function mountSpec(mount: Mount, knowsRecursive: boolean): MountSpec {
  const { hostPath, containerPath, readOnly, propagation } = mount;
  if (mount.recursiveReadOnly && !knowsRecursive) {
    throw new ContainerStartError("CreateContainerError", "recursive read-only mounts need docker 25 or newer");
  }
  const how = propagations[propagation];
  return {
    Type: "bind",
    Source: hostPath,
    Target: containerPath,
    ReadOnly: readOnly,
    BindOptions: {
      ...(how === undefined ? {} : { Propagation: how }),
      // Since it knows them they are its default.
      ...(readOnly && knowsRecursive
        ? mount.recursiveReadOnly
          ? { ReadOnlyForceRecursive: true }
          : { ReadOnlyNonRecursive: true }
        : {}),
    },
  };
}
