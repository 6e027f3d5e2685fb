import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { DockerClient } from "./docker-client.ts";
import { isConflict, isNotFound } from "./docker-error.ts";

/** The body of a container's creation: what this project sets of it. Names are the Engine API's. */
export interface ContainerSpec {
  Image: string;
  Hostname?: string;
  User?: string;
  Env?: readonly string[];
  Cmd?: readonly string[];
  Entrypoint?: readonly string[];
  WorkingDir?: string;
  Labels?: Readonly<Record<string, string>>;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  ExposedPorts?: Readonly<Record<string, object>>;
  /** "NONE" as its first word turns the image's health check off. */
  Healthcheck?: { Test: readonly string[] };
  StopSignal?: string;
  HostConfig?: HostConfig;
  NetworkingConfig?: { EndpointsConfig: Readonly<Record<string, object>> };
}

export interface HostConfig extends ContainerResources {
  NetworkMode?: string;
  IpcMode?: string;
  PidMode?: string;
  UTSMode?: string;
  UsernsMode?: string;
  Privileged?: boolean;
  ReadonlyRootfs?: boolean;
  CapAdd?: readonly string[];
  CapDrop?: readonly string[];
  GroupAdd?: readonly string[];
  SecurityOpt?: readonly string[];
  MaskedPaths?: readonly string[];
  ReadonlyPaths?: readonly string[];
  Sysctls?: Readonly<Record<string, string>>;
  Mounts?: readonly MountSpec[];
  PortBindings?: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[]>>;
  LogConfig?: { Type: string; Config: Readonly<Record<string, string>> };
  RestartPolicy?: { Name: string };
  OomScoreAdj?: number;
  CgroupParent?: string;
  ShmSize?: number;
  Init?: boolean;
  Dns?: readonly string[];
}

export interface ContainerResources {
  CpuShares?: number;
  CpuQuota?: number;
  CpuPeriod?: number;
  Memory?: number;
  MemorySwap?: number;
  MemoryReservation?: number;
}

export interface MountSpec {
  Type: "bind" | "volume" | "tmpfs";
  Source?: string;
  Target: string;
  ReadOnly?: boolean;
  BindOptions?: {
    Propagation?: "rprivate" | "rslave" | "rshared";
    /** Both since API 1.44. */
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

export interface ContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  Labels: Record<string, string>;
  /** "created", "running", "exited", "dead", … */
  State: string;
  /** Seconds since the epoch. */
  Created: number;
}

export interface ContainerState {
  Status: string;
  Running: boolean;
  OOMKilled: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  /** RFC 3339 with nanoseconds; "0001-01-01T00:00:00Z" when not yet. */
  StartedAt: string;
  FinishedAt: string;
}

export interface ContainerInspection {
  Id: string;
  Name: string;
  Created: string;
  State: ContainerState;
  Image: string;
  LogPath: string;
  Config: { Image: string; Tty: boolean; OpenStdin: boolean; Labels: Record<string, string>; StopSignal?: string };
  HostConfig: HostConfig;
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string; Gateway: string; NetworkID: string; MacAddress: string }>;
  };
}

/** Makes a container; it is not started. Warnings are the daemon's hints at what it ignored. */
export async function createContainer(
  docker: DockerClient,
  name: string,
  spec: ContainerSpec,
): Promise<{ Id: string; Warnings: string[] | null }> {
  return docker.json("POST", "/containers/create", { query: { name }, body: spec });
}

export async function startContainer(docker: DockerClient, id: string): Promise<void> {
  await docker.json("POST", `/containers/${encodeURIComponent(id)}/start`);
}

/**
 * Its stop signal, then by force; resolves when it has ended. Fine when it has, or is not there. Aborting leaves it
 * to the daemon.
 */
export async function stopContainer(
  docker: DockerClient,
  id: string,
  graceSeconds: number,
  signal?: AbortSignal,
): Promise<void> {
  const options = { query: { t: graceSeconds }, slow: true, ...(signal && { signal }) };
  await docker.json("POST", `/containers/${encodeURIComponent(id)}/stop`, options).catch(unlessGone);
}

/** Sends a signal ("SIGTERM", "9"); by default it kills. Throws when the container does not run. */
export async function killContainer(docker: DockerClient, id: string, signal = "SIGKILL"): Promise<void> {
  await docker.json("POST", `/containers/${encodeURIComponent(id)}/kill`, { query: { signal } });
}

/**
 * Removes it with its anonymous volumes; with force it is killed first. Resolves when it is gone; fine when it is not
 * there, or somebody else is removing it.
 */
export async function removeContainer(docker: DockerClient, id: string, force = false): Promise<void> {
  const path = `/containers/${encodeURIComponent(id)}`;
  try {
    await docker.json("DELETE", path, { query: { force, v: true }, slow: true });
  } catch (error) {
    if (isConflict(error) && (error as Error).message.includes("already in progress")) {
      await docker.json("POST", `${path}/wait`, { query: { condition: "removed" }, slow: true }).catch(unlessGone);
    } else {
      unlessGone(error);
    }
  }
}

export async function inspectContainer(docker: DockerClient, id: string): Promise<ContainerInspection> {
  return docker.json("GET", `/containers/${encodeURIComponent(id)}/json`);
}

/** All containers, ended ones too, that have every one of the labels ("key" or "key=value"). */
export async function listContainers(docker: DockerClient, labels: readonly string[]): Promise<ContainerSummary[]> {
  const filters = JSON.stringify({ label: labels });
  return docker.json("GET", "/containers/json", { query: { all: true, filters } });
}

/** Sets other limits on a running container. */
export async function updateContainer(docker: DockerClient, id: string, resources: ContainerResources): Promise<void> {
  await docker.json("POST", `/containers/${encodeURIComponent(id)}/update`, { body: resources });
}

export interface ContainerLogsOptions {
  follow: boolean;
  /** Only the last so many messages; undefined: all. */
  tail?: number;
  /** Only those of this time or later. */
  sinceMs?: number;
  stdout: boolean;
  stderr: boolean;
  signal?: AbortSignal;
}

/** What it wrote, each message with its time before it; as frames, but with a terminal as it is. */
export async function containerLogs(
  docker: DockerClient,
  id: string,
  options: ContainerLogsOptions,
): Promise<IncomingMessage> {
  const { follow, tail, sinceMs, stdout, stderr, signal } = options;
  const since = sinceMs === undefined ? undefined : (sinceMs / 1000).toFixed(3);
  return docker.stream("GET", `/containers/${encodeURIComponent(id)}/logs`, {
    query: { follow, stdout, stderr, timestamps: true, tail: tail ?? "all", since },
    ...(signal && { signal }),
  });
}

/** The streams of its main process, from now on. Undone by destroying the answer; see {@link splitFrames}. */
export async function attachContainer(
  docker: DockerClient,
  id: string,
  streams: { stdin: boolean; stdout: boolean; stderr: boolean },
): Promise<Duplex> {
  return docker.hijack(`/containers/${encodeURIComponent(id)}/attach`, { query: { stream: true, ...streams } });
}

export async function resizeContainer(
  docker: DockerClient,
  id: string,
  size: { width: number; height: number },
): Promise<void> {
  const query = { w: size.width, h: size.height };
  await docker.json("POST", `/containers/${encodeURIComponent(id)}/resize`, { query });
}

function unlessGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
