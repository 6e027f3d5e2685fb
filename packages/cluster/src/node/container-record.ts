import type { Container, ContainerState, ContainerStatus, Pod } from "../kinds.ts";
import { isSidecar } from "../pods.ts";
import { formatTime } from "../times.ts";
import { BackOff } from "./back-off.ts";
import type { ContainerExit } from "./runtime.ts";

/** A run of a container that has ended. */
export interface EndedRun {
  id: string;
  startedAtMs: number;
  exit: ContainerExit;
}

export type ContainerCondition =
  | { type: "waiting"; reason: string; message?: string }
  | { type: "running"; id: string; startedAtMs: number }
  | ({ type: "ended" } & EndedRun);

/** What an agent knows of one container of a pod. */
export interface ContainerRecord {
  readonly name: string;
  readonly role: "init" | "sidecar" | "main";
  condition: ContainerCondition;
  /** The run before the present one. */
  previous: EndedRun | undefined;
  restarts: number;
  imageId: string;
  /** Passed its startup probe, and its readiness probe, as far as those are simulated. */
  started: boolean;
  ready: boolean;
  readonly backOff: BackOff;
  /** It has ended and is kept from starting; shown as CrashLoopBackOff. */
  backingOff: boolean;
}

/** Records of a pod's containers, init containers first, none started. */
export function newRecords(pod: Pod): ContainerRecord[] {
  const initial = (pod.spec.initContainers ?? []).length > 0 ? "PodInitializing" : "ContainerCreating";
  const record = (container: Container, role: ContainerRecord["role"]): ContainerRecord => ({
    name: container.name,
    role,
    condition: { type: "waiting", reason: initial },
    previous: undefined,
    restarts: 0,
    imageId: "",
    started: false,
    ready: false,
    backOff: new BackOff(),
    backingOff: false,
  });
  return [
    ...(pod.spec.initContainers ?? []).map((container) => record(container, isSidecar(container) ? "sidecar" : "init")),
    ...pod.spec.containers.map((container) => record(container, "main")),
  ];
}

/** The container of the pod that the record is of; its image may have been changed since. */
export function containerOf(pod: Pod, record: ContainerRecord): Container {
  const containers = record.role === "main" ? pod.spec.containers : (pod.spec.initContainers ?? []);
  const container = containers.find((candidate) => candidate.name === record.name);
  if (container === undefined) throw new Error(`pod ${pod.metadata.name} has no container ${record.name}`);
  return container;
}

/** Where events about a container point to. */
export function fieldPath(record: ContainerRecord): string {
  return `spec.${record.role === "main" ? "containers" : "initContainers"}{${record.name}}`;
}

/** The container as pod status shows it (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go, convertToAPIContainerStatuses). */
export function containerStatus(pod: Pod, record: ContainerRecord, runtimeName: string): ContainerStatus {
  const { condition } = record;
  const id = condition.type === "waiting" ? record.previous?.id : condition.id;
  const previous = record.backingOff && condition.type === "ended" ? condition : record.previous;
  return {
    name: record.name,
    state: stateOf(pod, record, runtimeName),
    lastState: previous === undefined ? {} : endedState(previous, runtimeName),
    ready: record.ready,
    restartCount: record.restarts,
    image: containerOf(pod, record).image ?? "",
    imageID: record.imageId,
    ...(id === undefined ? {} : { containerID: `${runtimeName}://${id}` }),
    started: record.started,
  };
}

function stateOf(pod: Pod, record: ContainerRecord, runtimeName: string): ContainerState {
  const { condition } = record;
  switch (condition.type) {
    case "waiting": {
      const { reason, message } = condition;
      return { waiting: message === undefined ? { reason } : { message, reason } };
    }
    case "running":
      return { running: { startedAt: formatTime(condition.startedAtMs) } };
    case "ended":
      if (!record.backingOff) return endedState(condition, runtimeName);
      return { waiting: { message: crashLoopMessage(pod, record), reason: "CrashLoopBackOff" } };
  }
}

function crashLoopMessage(pod: Pod, record: ContainerRecord): string {
  const { name, namespace, uid } = pod.metadata;
  return `back-off ${record.backOff} restarting failed container=${record.name} pod=${name}_${namespace}(${uid})`;
}

function endedState({ id, startedAtMs, exit }: EndedRun, runtimeName: string): ContainerState {
  const { exitCode, signal, reason, message, finishedAtMs } = exit;
  return {
    terminated: {
      containerID: `${runtimeName}://${id}`,
      exitCode,
      ...(signal === undefined ? {} : { signal }),
      ...(message === undefined ? {} : { message }),
      reason,
      startedAt: formatTime(startedAtMs),
      finishedAt: formatTime(finishedAtMs),
    },
  };
}

/** Reads back from a pod's status what an agent before this one knew of a container. */
export function recoverRecord(record: ContainerRecord, status: ContainerStatus, runs: RecoveredRun | undefined): void {
  record.restarts = status.restartCount;
  record.imageId = status.imageID;
  record.started = status.started ?? false;
  record.ready = status.ready;
  const previous = endedRun(status.lastState);
  if (runs !== undefined && runs.exit === undefined) {
    record.condition = { type: "running", id: runs.id, startedAtMs: runs.startedAtMs };
    record.previous = previous;
  } else if (runs?.exit !== undefined) {
    record.condition = { type: "ended", id: runs.id, startedAtMs: runs.startedAtMs, exit: runs.exit };
    record.previous = previous;
  } else if (previous !== undefined) {
    record.condition = { type: "ended", ...previous };
    record.backingOff = status.state?.waiting?.reason === "CrashLoopBackOff";
  }
  const lastEndMs = previous?.exit.finishedAtMs ?? 0;
  record.backOff.recover(status.restartCount, lastEndMs);
}

export interface RecoveredRun {
  id: string;
  startedAtMs: number;
  exit?: ContainerExit;
}

function endedRun(state: ContainerState | undefined): EndedRun | undefined {
  const terminated = state?.terminated;
  if (terminated === undefined) return undefined;
  const { exitCode, signal, reason = "Error", message, startedAt, finishedAt, containerID } = terminated;
  return {
    id: (containerID ?? "").replace(/^.*:\/\//, ""),
    startedAtMs: Date.parse(startedAt ?? ""),
    exit: {
      exitCode,
      reason,
      finishedAtMs: Date.parse(finishedAt ?? ""),
      ...(signal === undefined ? {} : { signal }),
      ...(message === undefined ? {} : { message }),
    },
  };
}
