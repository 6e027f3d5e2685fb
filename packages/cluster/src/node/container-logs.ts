/** What a kubelet answers to /containerLogs (k8s.io/kubernetes/pkg/kubelet/{server/server.go,kubelet_pods.go}). */
import type { ContainerLogsRequest, NodeAnswer } from "@podwright/apiserver";
import type { Pod, PodStatus } from "../kinds.ts";
import { gathered } from "./gathered.ts";
import type { LogLine, LogOptions } from "./runtime.ts";

/** A pod on its node, as far as its logs go. */
export interface LoggingPod {
  pod: Pod;
  /** As the node knows it now. */
  status: PodStatus | undefined;
  /** @param id of the container's run, without the runtime's name. */
  log(container: string, id: string, options: LogOptions): AsyncIterable<LogLine>;
}

/** Answers a request for logs of the pod, which is undefined when the node has no such pod. */
export function containerLogs(found: LoggingPod | undefined, request: ContainerLogsRequest, nowMs: number): NodeAnswer {
  const { pod: name, container, query, signal } = request;
  if (found === undefined) return refusal(404, `pod ${JSON.stringify(name)} does not exist`);
  const { pod, status } = found;
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  if (![...containers, ...initContainers, ...ephemeralContainers].some((each) => each.name === container)) {
    return refusal(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`);
  }
  const run = runToShow(name, status ?? pod.status ?? {}, container, query.get("previous") === "true");
  if ("problem" in run) return refusal(400, run.problem);
  const options = logOptions(query, signal, nowMs);
  return { status: 200, chunks: gathered(formatted(found.log(container, run.id, options), query)) };
}

/** Which run of the container is meant: the present one, or the one before. */
function runToShow(
  podName: string,
  status: PodStatus,
  name: string,
  previous: boolean,
): { id: string } | { problem: string } {
  const what = `container ${JSON.stringify(name)} in pod ${JSON.stringify(podName)}`;
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status;
  const statuses = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
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

function logOptions(query: URLSearchParams, signal: AbortSignal, nowMs: number): LogOptions {
  const number = (name: string): number | undefined => (query.has(name) ? Number(query.get(name)) : undefined);
  const sinceSeconds = number("sinceSeconds");
  const since = query.get("sinceTime");
  const stream = (query.get("stream") ?? "All").toLowerCase();
  return {
    follow: query.get("follow") === "true",
    tailLines: number("tailLines"),
    sinceMs: since ? Date.parse(since) : sinceSeconds && nowMs - sinceSeconds * 1000,
    stream: stream === "stdout" || stream === "stderr" ? stream : undefined,
    signal,
  };
}

/** The lines as they are sent: with their times if asked for, up to the limit of bytes. */
async function* formatted(lines: AsyncIterable<LogLine>, query: URLSearchParams): AsyncGenerator<string | Uint8Array> {
  const timestamps = query.get("timestamps") === "true";
  let leftBytes = Number(query.get("limitBytes") ?? Number.POSITIVE_INFINITY);
  for await (const line of lines) {
    const stamp = timestamps ? `${line.time ?? formatNanoTime(line.timeMs)} ` : "";
    for (const chunk of typeof line.text === "string" ? [stamp + line.text] : [stamp, line.text]) {
      const bytes = Buffer.byteLength(chunk);
      if (bytes >= leftBytes) {
        yield Buffer.from(chunk as string).subarray(0, leftBytes);
        return;
      }
      leftBytes -= bytes;
      if (bytes > 0) yield chunk;
    }
  }
}

/** "2026-01-01T00:00:00.123000000Z": always nine digits. */
function formatNanoTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, -1)}000000Z`;
}
