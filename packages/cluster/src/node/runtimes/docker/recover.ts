import { type ContainerSummary, type DockerClient, inspectContainer } from "@podwright/docker";
import type { RecoveredPod } from "../../runtime.ts";
import { addressLabel, attemptLabel, containerNameLabel, directoryLabel, typeLabel } from "../labels.ts";
import { type DockerEnds, exitOf } from "./docker-ends.ts";
import type { DockerSandbox } from "./sandbox.ts";

export interface FoundPod {
  /** Undefined when the pause container does not run. */
  sandbox: DockerSandbox | undefined;
  recovered: RecoveredPod;
}

/** What is there of a pod, from its labelled containers; undefined when nothing is. */
export async function recoverPod(
  docker: DockerClient,
  containers: readonly ContainerSummary[],
  ends: DockerEnds,
): Promise<FoundPod | undefined> {
  if (containers.length === 0) return undefined;
  const pause = containers.find(({ Labels, State }) => Labels[typeLabel] === "sandbox" && State === "running");
  const latest = new Map<string, ContainerSummary>();
  // One that was made but not started counts for nothing.
  for (const container of containers) {
    if (container.Labels[typeLabel] !== "container" || container.State === "created") continue;
    const name = container.Labels[containerNameLabel] ?? "";
    const other = latest.get(name);
    if (other === undefined || attemptOf(other) < attemptOf(container)) latest.set(name, container);
  }
  const [sandbox, ...found] = await Promise.all([
    pause && recoverSandbox(docker, pause),
    ...[...latest].map(async ([name, container]) => [name, await recoverContainer(docker, container, ends)] as const),
  ]);
  return { sandbox, recovered: { sandbox: { ip: sandbox?.ip }, containers: new Map(found) } };
}

function attemptOf({ Labels }: ContainerSummary): number {
  return Number(Labels[attemptLabel] ?? 0);
}

async function recoverSandbox(docker: DockerClient, { Id, Labels }: ContainerSummary): Promise<DockerSandbox> {
  const { State, NetworkSettings } = await inspectContainer(docker, Id);
  const own = Labels[addressLabel];
  const ip = own ?? Object.values(NetworkSettings.Networks)[0]?.IPAddress;
  return {
    id: Id,
    ip: ip || undefined,
    pid: State.Pid,
    directory: Labels[directoryLabel] ?? "",
    direct: Boolean(own),
    connected: Promise.resolve(),
  };
}

type RecoveredContainer = RecoveredPod["containers"] extends Map<string, infer T> ? T : never;

async function recoverContainer(
  docker: DockerClient,
  container: ContainerSummary,
  ends: DockerEnds,
): Promise<RecoveredContainer> {
  const { Id } = container;
  ends.track(Id);
  const inspected = await inspectContainer(docker, Id);
  const exit = exitOf(inspected);
  if (exit === undefined) setImmediate(() => ends.release(Id));
  else ends.forget(Id);
  return {
    id: Id,
    startedAtMs: Date.parse(inspected.State.StartedAt),
    attempt: attemptOf(container),
    ...(exit && { exit }),
  };
}
