/** A container as pod status shows it (k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go, convertToAPIContainerStatuses). */
import { formatTime } from "@podwright/kube";
import type { Container, ContainerState, ContainerStatus, Pod } from "../kinds.ts";
import { type ContainerRecord, containerOf, type EndedRun } from "./container-record.ts";
import { restarts } from "./pod-phase.ts";

export function containerStatus(pod: Pod, record: ContainerRecord, runtimeName: string): ContainerStatus {
  const { condition } = record;
  const container = containerOf(pod, record);
  const shown = condition.type === "waiting" || record.hooking ? record.previous : condition;
  const waits = waitsAfterEnd(pod, record);
  const last = waits && condition.type === "ended" ? condition : record.previous;
  const { resources, allocated } = record;
  return {
    name: record.name,
    state: stateOf(pod, record, waits, runtimeName),
    lastState: last === undefined ? {} : endedState(last, runtimeName),
    ready: record.ready,
    restartCount: record.restarts,
    image: container.image ?? "",
    imageID: record.imageId,
    ...(shown === undefined ? {} : { containerID: `${runtimeName}://${shown.id}` }),
    ...(record.role === "ephemeral" ? {} : { started: record.started }),
    ...(allocated?.requests === undefined ? {} : { allocatedResources: allocated.requests }),
    ...(resources === undefined || record.role === "ephemeral" ? {} : { resources }),
    ...mountStatus(container),
  };
}

function mountStatus({ volumeMounts = [] }: Container): Pick<ContainerStatus, "volumeMounts"> {
  if (volumeMounts.length === 0) return {};
  return {
    volumeMounts: volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
      name,
      mountPath,
      ...(readOnly
        ? { readOnly, recursiveReadOnly: recursiveReadOnly === "Enabled" ? "Enabled" : ("Disabled" as const) }
        : {}),
    })),
  };
}

/** It has ended, is to be started anew, and something is in the way. */
function waitsAfterEnd(pod: Pod, record: ContainerRecord): boolean {
  const { condition, trouble } = record;
  return condition.type === "ended" && trouble !== undefined && restarts(pod, record, condition.exit.exitCode);
}

function stateOf(pod: Pod, record: ContainerRecord, waits: boolean, runtimeName: string): ContainerState {
  const { condition, trouble } = record;
  if (condition.type === "running" && !record.hooking) {
    return { running: { startedAt: formatTime(condition.startedAtMs) } };
  }
  if (condition.type === "ended" && !waits) return endedState(condition, runtimeName);
  if (trouble !== undefined) {
    const { reason, message } = trouble;
    return { waiting: message === "" ? { reason } : { message, reason } };
  }
  if (record.hooking && record.previous !== undefined) return endedState(record.previous, runtimeName);
  const initializes = (pod.spec.initContainers ?? []).length > 0 && record.role !== "ephemeral";
  return { waiting: { reason: initializes ? "PodInitializing" : "ContainerCreating" } };
}

function endedState({ id, startedAtMs, exit }: EndedRun, runtimeName: string): ContainerState {
  const { exitCode, signal, reason, message, finishedAtMs } = exit;
  return {
    terminated: {
      ...(id === "" ? {} : { containerID: `${runtimeName}://${id}` }),
      exitCode,
      ...(signal === undefined ? {} : { signal }),
      ...(message === undefined ? {} : { message }),
      reason,
      startedAt: Number.isFinite(startedAtMs) ? formatTime(startedAtMs) : null,
      finishedAt: Number.isFinite(finishedAtMs) ? formatTime(finishedAtMs) : null,
    } as NonNullable<ContainerState["terminated"]>,
  };
}
