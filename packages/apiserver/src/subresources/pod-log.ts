/** GET of pods/NAME/log: what a container has written (k8s.io/kubernetes/pkg/registry/core/pod/rest/log.go). */
import { type FieldError, fieldError, type StatusError, status } from "@podwright/kube";
import { objectKey, type ResourceRequest, type ServerParts } from "../context.ts";
import { parseStored } from "../output/response.ts";
import type { ApiResponse } from "../request.ts";
import { parseBoolean } from "../verbs/list-options.ts";
import { containerName } from "./connect/pod-container.ts";
import type { NodeAnswer } from "./node-connection.ts";

export async function servePodLog(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { resource, namespace, name } = request;
  const { query: asked, signal } = request.request;
  const query = logQuery(asked, name);
  const stored = parts.storage.get(objectKey(resource, namespace, name));
  if (stored === undefined) throw status.notFound({ group: "", resource: "pods" }, name);
  const pod = parseStored(stored.value);
  const container = containerName(pod, asked.get("container") ?? "");
  const node: string = pod["spec"].nodeName ?? "";
  if (node === "") return logResponse(nothing());
  const answer = await parts.nodes?.containerLogs(node, { namespace, pod: name, container, query, signal });
  if (answer === undefined) throw status.internalError(`the node ${JSON.stringify(node)} cannot be reached for logs`);
  if (answer.status >= 300) throw await failure(answer, name);
  return logResponse(answer.chunks);
}

function logResponse(chunks: AsyncIterable<string | Uint8Array>): ApiResponse {
  return { status: 200, headers: { "Content-Type": "text/plain" }, body: { type: "stream", chunks } };
}

async function* nothing(): AsyncGenerator<string> {}

const flags = ["follow", "previous", "timestamps"];
const streams = ["All", "Stdout", "Stderr"];

/** The options for the kubelet. Throws 400 for those that cannot be read, 422 for those that make no sense. */
function logQuery(asked: URLSearchParams, name: string): URLSearchParams {
  const query = new URLSearchParams();
  for (const flag of flags) if (parseBoolean(asked.get(flag)) === true) query.set(flag, "true");
  const errors: FieldError[] = [];
  const number = (field: string, atLeast: number, problem: string): void => {
    const text = asked.get(field);
    if (text === null || text === "") return;
    if (!/^[+-]?\d+$/.test(text)) {
      throw status.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    if (Number(text) < atLeast) errors.push(fieldError.invalid(field, Number(text), problem));
    query.set(field, text);
  };
  number("tailLines", 0, "must be greater than or equal to 0");
  number("limitBytes", 1, "must be greater than 0");
  const sinceTime = asked.get("sinceTime") ?? "";
  if (sinceTime !== "" && asked.get("sinceSeconds")) {
    errors.push(fieldError.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  } else number("sinceSeconds", 1, "must be greater than 0");
  if (sinceTime !== "") {
    if (Number.isNaN(Date.parse(sinceTime)))
      throw status.badRequest(`cannot parse ${JSON.stringify(sinceTime)} as time`);
    query.set("sinceTime", sinceTime);
  }
  const stream = asked.get("stream") ?? "All";
  if (!streams.includes(stream)) errors.push(fieldError.notSupported("stream", stream, [...streams].sort()));
  if (stream !== "All" && query.has("tailLines")) {
    errors.push(fieldError.forbidden("", "`tailLines` and specific `stream` are mutually exclusive for now"));
  }
  query.set("stream", stream);
  if (errors.length > 0) throw status.invalid({ group: "", kind: "PodLogOptions" }, name, errors);
  return query;
}

/** What the API says of a kubelet's refusal (k8s.io/apiserver/pkg/registry/generic/rest/response_checker.go). */
async function failure(answer: NodeAnswer, name: string): Promise<StatusError> {
  let text = "";
  for await (const chunk of answer.chunks) text += chunk;
  if (answer.status === 400) return status.badRequest(text);
  if (answer.status !== 404) return status.internalError(text);
  return status.generic(404, { resource: { group: "", resource: "pods/log" }, name });
}
