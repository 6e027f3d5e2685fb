/** What a kubelet answers to /containerLogs (k8s.io/kubernetes/pkg/kubelet/{server/server.go,kubelet_pods.go}). */
import type { ContainerLogsRequest, NodeAnswer } from "@podwright/apiserver";
import type { Pod, PodStatus } from "../kinds.ts";
import type { ContainerLog, LogLine } from "./runtime.ts";

/** A pod on its node, as far as its logs go. */
export interface LoggingPod {
  pod: Pod;
  /** As the node knows it now. */
  status: PodStatus | undefined;
  /** @param id of the container's run, without the runtime's name. */
  log(container: string, id: string, signal: AbortSignal): ContainerLog;
}

/** Answers a request for logs of the pod, which is undefined when the node has no such pod. */
export function containerLogs(found: LoggingPod | undefined, request: ContainerLogsRequest, nowMs: number): NodeAnswer {
  const { pod: name, container, query, signal } = request;
  if (found === undefined) return refusal(404, `pod ${JSON.stringify(name)} does not exist`);
  const { pod, status } = found;
  if (![...pod.spec.containers, ...(pod.spec.initContainers ?? [])].some((each) => each.name === container)) {
    return refusal(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`);
  }
  const run = runToShow(name, status ?? pod.status ?? {}, container, query.get("previous") === "true");
  if ("problem" in run) return refusal(400, run.problem);
  return { status: 200, chunks: selected(found.log(container, run.id, signal), query, nowMs) };
}

/** Which run of the container is meant: the present one, or the one before. */
function runToShow(
  podName: string,
  status: PodStatus,
  name: string,
  previous: boolean,
): { id: string } | { problem: string } {
  const what = `container ${JSON.stringify(name)} in pod ${JSON.stringify(podName)}`;
  const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  const found = statuses.find((each) => each.name === name);
  if (found === undefined) return { problem: `${what} is not available` };
  const { state = {}, lastState, containerID = "" } = found;
  const last = lastState?.terminated;
  const of = (id: string | undefined, problem: string) => (id ? { id: id.replace(/^.*:\/\//, "") } : { problem });
  if (previous) return of(last?.containerID, `previous terminated ${what} not found`);
  if (state.running) return of(containerID, `${what} is not available`);
  if (state.terminated) return of(state.terminated.containerID ?? last?.containerID, `${what} is terminated`);
  if (last) return of(last.containerID, `${what} is terminated`);
  if (state.waiting === undefined) return { problem: `${what} is waiting to start - no logs yet` };
  const { reason = "" } = state.waiting;
  const why: Record<string, string> = {
    ErrImagePull: "image can't be pulled",
    ImagePullBackOff: "trying and failing to pull image",
  };
  return { problem: `${what} is waiting to start: ${why[reason] ?? reason}` };
}

function refusal(code: number, text: string): NodeAnswer {
  return {
    status: code,
    chunks: (async function* () {
      yield text;
    })(),
  };
}

/** Of the log's lines those that the query asks for, as text. */
async function* selected(log: ContainerLog, query: URLSearchParams, nowMs: number): AsyncGenerator<string> {
  const sinceMs = query.has("sinceTime")
    ? Date.parse(query.get("sinceTime") ?? "")
    : nowMs - Number(query.get("sinceSeconds") ?? Number.POSITIVE_INFINITY) * 1000;
  const stream = (query.get("stream") ?? "All").toLowerCase();
  const timestamps = query.get("timestamps") === "true";
  let leftBytes = Number(query.get("limitBytes") ?? Number.POSITIVE_INFINITY);
  for await (const line of linesOf(log, query)) {
    if (line.timeMs < sinceMs || (stream !== "all" && stream !== line.stream)) continue;
    const text = timestamps ? `${formatNanoTime(line.timeMs)} ${line.text}` : line.text;
    const bytes = Buffer.byteLength(text);
    if (bytes >= leftBytes) {
      yield Buffer.from(text).subarray(0, leftBytes).toString();
      return;
    }
    leftBytes -= bytes;
    yield text;
  }
}

async function* linesOf({ written, coming }: ContainerLog, query: URLSearchParams): AsyncGenerator<LogLine> {
  const tail = Number(query.get("tailLines") ?? Number.POSITIVE_INFINITY);
  yield* written.slice(Math.max(0, written.length - tail));
  if (query.get("follow") === "true") yield* coming();
}

/** "2026-01-01T00:00:00.123000000Z": always nine digits. */
function formatNanoTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, -1)}000000Z`;
}
