import { type KubeObject, status, stringifyJson } from "@podwright/kube";
import type { ResourceRequest, ServerParts } from "../../context.ts";
import { plainError } from "../../output/plain-error.ts";
import type { ApiResponse } from "../../request.ts";
import { nodeOf } from "./location.ts";

/** Answers what a node's kubelet answers over HTTP, as far as it is there: /healthz, /pods and /containerLogs. */
export async function answerAsKubelet(
  parts: ServerParts,
  { request, name }: ResourceRequest,
  path: string,
): Promise<ApiResponse> {
  const node = nodeOf(name);
  if (parts.storage.get(`//nodes/${node}`) === undefined) {
    throw status.notFound({ group: "", resource: "nodes" }, node);
  }
  const [, route = "", ...rest] = path.split("/").map((segment) => decodeURIComponent(segment));
  if (request.method !== "GET") return text(405, "405: Method Not Allowed\n");
  if (route === "healthz") return text(200, "ok");
  if (route === "pods") return podsOf(parts, node);
  const [namespace, pod, container] = rest;
  if (route !== "containerLogs" || !namespace || !pod || !container) return text(404, "404 page not found\n");
  const query = new URLSearchParams(request.query);
  const answer = await parts.nodes?.containerLogs(node, { namespace, pod, container, query, signal: request.signal });
  if (answer === undefined) throw plainError(`error dialing backend: the node ${node} cannot be reached`);
  const headers = { "Content-Type": "text/plain" };
  return { status: answer.status, headers, body: { type: "stream", chunks: answer.chunks } };
}

function text(code: number, body: string): ApiResponse {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };
  return { status: code, headers, body: { type: "bytes", chunks: [body] } };
}

function podsOf({ storage }: ServerParts, node: string): ApiResponse {
  const items = storage
    .list({ prefix: "//pods/" })
    .items.map(({ value }) => JSON.parse(value.toString()) as KubeObject)
    .filter((pod) => pod["spec"].nodeName === node);
  const list = { kind: "PodList", apiVersion: "v1", metadata: {}, items };
  const chunks = [stringifyJson(list as unknown as KubeObject)];
  return { status: 200, headers: { "Content-Type": "application/json" }, body: { type: "bytes", chunks } };
}
