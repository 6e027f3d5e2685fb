import type { ContainerState, Pod } from "../kinds.ts";
import type { ContainerRecord, EndedRun } from "./container-record.ts";
import type { ContainerRuntime, LoggedRun, LogLine, LogOptions } from "./runtime.ts";

/** What a run of a container of the pod has written; nothing when there is no such container. */
export function runLog(
  pod: Pod,
  records: readonly ContainerRecord[],
  runtime: ContainerRuntime,
  { name, id }: { name: string; id: string },
  options: LogOptions,
): AsyncIterable<LogLine> {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const container = [...initContainers, ...containers, ...ephemeralContainers].find((each) => each.name === name);
  if (container === undefined) return (async function* () {})();
  const record = records.find((each) => each.name === name);
  const run = (record && knownRun(record, id)) ?? toldRun(pod, name, id);
  return runtime.log(pod, container, run, options);
}

/** The run of that id, as the agent that started it knows it. */
function knownRun({ condition, previous }: ContainerRecord, id: string): LoggedRun | undefined {
  if (condition.type === "running" && condition.id === id) {
    return { id, startedAtMs: condition.startedAtMs, stoppedAtMs: undefined };
  }
  const ended = condition.type === "ended" && condition.id === id ? condition : previous;
  return ended?.id === id ? endedRun(ended) : undefined;
}

/** The run of that id, as the pod's status tells of it; for pods that an agent before this one has run. */
function toldRun({ status }: Pod, name: string, id: string): LoggedRun {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const found = statuses.find((each) => each.name === name);
  const isRun = (state: ContainerState | undefined) => state?.terminated?.containerID?.endsWith(`//${id}`);
  const terminated = (isRun(found?.state) ? found?.state : found?.lastState)?.terminated;
  const { startedAt = "", finishedAt = "", exitCode = 0 } = terminated ?? {};
  const [startedAtMs, finishedAtMs] = [Date.parse(startedAt) || 0, Date.parse(finishedAt) || 0];
  return endedRun({ id, startedAtMs, exit: { exitCode, reason: "", finishedAtMs } });
}

/** By SIGTERM or SIGKILL: it may have been kept from writing all it had to say. */
const stopCodes = [137, 143];

function endedRun({ id, startedAtMs, exit }: EndedRun): LoggedRun {
  return { id, startedAtMs, stoppedAtMs: stopCodes.includes(exit.exitCode) ? exit.finishedAtMs : undefined };
}
