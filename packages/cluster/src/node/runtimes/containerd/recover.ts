import type { GrpcConnection } from "@podwright/containerd";
import { type ContainerSummary, containerStates, cri, type SandboxSummary } from "@podwright/containerd/cri";
import type { Pod } from "../../../kinds.ts";
import type { ContainerExit } from "../../runtime.ts";
import { containerNameLabel, type RuntimeOwner } from "../labels.ts";
import { type ContainerdEnds, exitOf, statusOf } from "./containerd-ends.ts";
import { criTimeMs } from "./cri-names.ts";
import { criSandbox } from "./pod-config.ts";

/** A pod's sandbox, with what new containers in it have to name. */
export interface KnownSandbox {
  id: string;
  config: ReturnType<typeof criSandbox>;
  ip: string | undefined;
}

export interface FoundContainer {
  id: string;
  startedAtMs: number;
  attempt: number;
  logPath: string;
  exit?: ContainerExit;
}

/** The latest run of each container of a pod, by name. Those that run are tracked, and held. */
export async function recoverContainers(
  connection: GrpcConnection,
  containers: readonly ContainerSummary[],
  ends: ContainerdEnds,
): Promise<Map<string, FoundContainer>> {
  const latest = new Map<string, ContainerSummary>();
  // One that was made but not started counts for nothing.
  const started = containers.filter(({ state }) => state !== containerStates.created);
  for (const container of started) {
    const name = container.labels[containerNameLabel] ?? "";
    if ((latest.get(name)?.createdAt ?? 0) <= container.createdAt) latest.set(name, container);
  }
  const found = [...latest].map(async ([name, { id, metadata }]) => {
    ends.track(id);
    const status = await statusOf(connection, id);
    const exit = exitOf(status);
    if (exit !== undefined) ends.forget(id);
    else ends.lookLater(id);
    const startedAtMs = criTimeMs(status.startedAt);
    const { logPath } = status;
    return [name, { id, startedAtMs, attempt: metadata?.attempt ?? 0, logPath, ...(exit && { exit }) }] as const;
  });
  return new Map(await Promise.all(found));
}

/** containerd keeps the configuration: new containers of the pod need the same. */
export async function recoverSandbox(
  connection: GrpcConnection,
  owner: RuntimeOwner,
  pod: Pod,
  { id, metadata }: SandboxSummary,
): Promise<KnownSandbox> {
  const { info, status } = await connection.unary(cri.podSandboxStatus, { id, verbose: true });
  const { config = {} } = JSON.parse(info["info"] ?? "{}") as {
    config?: { log_directory?: string; hostname?: string };
  };
  const directory = (config.log_directory ?? "").replace(/\/containers$/, "");
  const given = { hostname: config.hostname ?? "", dns: undefined, sysctls: {}, directory };
  const message = criSandbox(owner, pod, given, metadata?.attempt ?? 0);
  return { id, config: message, ip: status?.network?.ip || undefined };
}
