import type { ServerResponse } from "node:http";
import { type Client, queryString, responseError } from "@podwright/client";
import { isCode } from "@podwright/kube/status";
import { invalidField, Problem } from "../problem.ts";
import { clusterProblem } from "../runs/create-object.ts";
import type { FoundRun } from "../runs/run-request.ts";
import { drained } from "./drained.ts";
import type { EventStreams } from "./event-stream.ts";
import type { LogQuery } from "./schemas.ts";

/** Sends a run's log as it comes: as text, or a line per server-sent event. Throws a Problem before anything was sent. */
export async function sendLog(options: {
  client: Client;
  found: FoundRun;
  query: LogQuery;
  asEvents: boolean;
  streams: EventStreams;
  response: ServerResponse;
  headers: Record<string, string>;
}): Promise<void> {
  const { client, found, query, response } = options;
  const { namespace, pod } = podOf(found);
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log${queryString({
    container: query.container,
    follow: query.follow,
    previous: query.previous,
    tailLines: query.tail,
    timestamps: query.timestamps,
    ...sinceOf(query.since),
  })}`;
  const aborted = new AbortController();
  const abort = (): void => aborted.abort();
  response.once("close", abort);
  let answer: Awaited<ReturnType<Client["rawRequest"]>>;
  try {
    answer = await client.rawRequest("GET", path, undefined, { signal: aborted.signal, headers: { accept: "*/*" } });
    if (answer.status >= 400) throw await responseError("GET", path, answer);
  } catch (error) {
    response.off("close", abort);
    throw logProblem(error);
  }
  try {
    if (options.asEvents) await sendEvents(answer.chunks(), options.streams, response);
    else await sendText(answer.chunks(), response, options.headers);
  } catch (error) {
    // What was begun can only be broken off: the client must not take it for the whole.
    if (!aborted.signal.aborted) response.destroy(error as Error);
  }
}

function podOf(found: FoundRun): { namespace: string; pod: string } {
  const { run } = found;
  if (found.in === "history") throw new Problem("not_found", "the run's pod is gone, and its log with it");
  const pod = run.kind === "Pod" ? run.name : run.pod;
  if (found.in === "queue" || pod === undefined) throw new Problem("conflict", "the run has no pod yet");
  return { namespace: run.namespace, pod };
}

function sinceOf(since: string | undefined): { sinceSeconds?: number; sinceTime?: string } {
  if (since === undefined) return {};
  if (/^\d{1,9}s?$/.test(since)) return { sinceSeconds: Math.max(1, Number.parseInt(since, 10)) };
  if (
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(since) &&
    !Number.isNaN(Date.parse(since))
  ) {
    return { sinceTime: new Date(since).toISOString() };
  }
  throw invalidField("since", "must be seconds, or a time such as 2026-01-31T12:00:00Z");
}

function logProblem(error: unknown): Problem {
  if (isCode(error, 400)) return new Problem("conflict", error.message, { cause: error });
  return clusterProblem(error);
}

async function sendText(
  chunks: AsyncIterable<Uint8Array>,
  response: ServerResponse,
  headers: Record<string, string>,
): Promise<void> {
  response.writeHead(200, {
    ...headers,
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  });
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (!response.write(chunk)) await drained(response);
    if (response.destroyed) return;
  }
  response.end();
}

async function sendEvents(
  chunks: AsyncIterable<Uint8Array>,
  streams: EventStreams,
  response: ServerResponse,
): Promise<void> {
  const stream = streams.open(response, () => {});
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    // A line without an end must not grow without one.
    if (rest.length > 65_536) {
      lines.push(rest);
      rest = "";
    }
    for (const line of lines) {
      if (!stream.ready) await stream.drained();
      if (response.destroyed) return;
      stream.send("log", line);
    }
  }
  if (rest !== "") stream.send("log", rest);
  stream.send("end", "");
  stream.end();
}
