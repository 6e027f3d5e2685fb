/** What is known of a pod's containers after the agent was started anew. */
import type { ContainerState, ContainerStatus, Pod } from "../kinds.ts";
import { type ContainerRecord, type EndedRun, lastEnd } from "./container-record.ts";
import type { RecoveredPod } from "./runtime.ts";

/** Reads back, from the pod's status and the runtime, what an agent before this one knew of its containers. */
export function recoverRecords(
  records: readonly ContainerRecord[],
  pod: Pod,
  recovered: RecoveredPod | undefined,
): void {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const statuses = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  for (const record of records) {
    const status = statuses.find(({ name }) => name === record.name);
    recoverRecord(record, status, recovered?.containers.get(record.name));
  }
}

type RecoveredRun = RecoveredPod["containers"] extends Map<string, infer Run> ? Run : never;

function recoverRecord(
  record: ContainerRecord,
  status: ContainerStatus | undefined,
  run: RecoveredRun | undefined,
): void {
  record.imageId = status?.imageID ?? "";
  record.started = status?.started ?? false;
  record.ready = status?.ready ?? false;
  record.restarts = Math.max(status?.restartCount ?? 0, run?.attempt ?? 0);
  record.resources = status?.resources;
  const requests = status?.allocatedResources;
  record.allocated = requests && { ...status?.resources, requests };
  const told = endedRun(status?.state);
  const before = endedRun(status?.lastState);
  // A run that the status does not know yet came after the one that it does.
  const previous = told !== undefined && told.id !== run?.id && run !== undefined ? told : before;
  if (run !== undefined && run.exit === undefined) {
    record.condition = { type: "running", id: run.id, startedAtMs: run.startedAtMs };
  } else if (run?.exit !== undefined) {
    const message = run.exit.message ?? (told?.id === run.id ? told.exit.message : undefined);
    const exit = message === undefined ? run.exit : { ...run.exit, message };
    record.condition = { type: "ended", id: run.id, startedAtMs: run.startedAtMs, exit };
  } else if (told !== undefined) record.condition = { type: "ended", ...told };
  else if (status?.state?.running !== undefined) {
    record.condition = { type: "ended", ...lostRun(status) };
  } else if (before !== undefined) record.condition = { type: "ended", ...before };
  const { condition } = record;
  const waiting = status?.state?.waiting;
  if (condition.type !== "running" && waiting?.reason !== undefined && waiting.message !== undefined) {
    record.trouble = { reason: waiting.reason, message: waiting.message };
  }
  const isSame = condition.type === "ended" && previous?.id === condition.id;
  record.previous = isSame ? undefined : previous;
  record.backOff.recover(record.restarts, lastEnd(record)?.exit.finishedAtMs ?? 0);
}

/** The container ran, and now nobody knows of it. */
function lostRun({ containerID, state }: ContainerStatus): EndedRun {
  return {
    id: idOf(containerID),
    startedAtMs: Date.parse(state?.running?.startedAt ?? ""),
    exit: {
      exitCode: 137,
      reason: "ContainerStatusUnknown",
      message: "The container could not be located when the pod was terminated",
      finishedAtMs: Number.NaN,
    },
  };
}

function idOf(containerId: string | undefined): string {
  return (containerId ?? "").replace(/^.*:\/\//, "");
}

function endedRun(state: ContainerState | undefined): EndedRun | undefined {
  const terminated = state?.terminated;
  if (terminated === undefined) return undefined;
  const { exitCode, signal, reason = "Error", message, startedAt, finishedAt, containerID } = terminated;
  return {
    id: idOf(containerID),
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
