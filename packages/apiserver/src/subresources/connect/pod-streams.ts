/** pods/exec, pods/attach and pods/portforward (k8s.io/kubernetes/pkg/registry/core/pod/rest/subresources.go). */
import { isCode, type JsonObject, type KubeObject, status } from "@podwright/kube";
import {
  type ExecSession,
  type ExecSessionOptions,
  isUpgradeRequest,
  StreamRefusal,
  servePortForward,
  serveRemoteCommand,
  type Upgrade,
} from "@podwright/streaming";
import { objectKey, type ResourceRequest, type ServerParts } from "../../context.ts";
import { plainError } from "../../output/plain-error.ts";
import { parseStored } from "../../output/response.ts";
import type { ApiResponse } from "../../request.ts";
import { parseBoolean } from "../../verbs/list-options.ts";
import type { NodeConnection } from "../node-connection.ts";
import { admitConnection } from "./admit.ts";
import { containerName } from "./pod-container.ts";

export async function execInPod(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const { query } = request.request;
  const command = query.getAll("command");
  const options = streamOptions(query);
  await admitConnection(parts, request, "PodExecOptions", { ...options, ...(command.length > 0 && { command }) });
  const { node, nodes, container } = locateContainer(parts, request);
  const asked = sessionOptions(options);
  const target = { ...asked, namespace: request.namespace, pod: request.name, container, command };
  return upgraded(request, nodes, (connection, upgrade) =>
    serveRemoteCommand(upgrade, { ...asked, doing: "executing command in", command }, () =>
      opened(asked, () => connection.exec(node, target)),
    ),
  );
}

export async function attachToPod(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const options = streamOptions(request.request.query);
  await admitConnection(parts, request, "PodAttachOptions", { ...options });
  const { node, nodes, container } = locateContainer(parts, request);
  const asked = sessionOptions(options);
  const target = { ...asked, namespace: request.namespace, pod: request.name, container };
  return upgraded(request, nodes, (connection, upgrade) =>
    serveRemoteCommand(upgrade, { ...asked, doing: "attaching to" }, () =>
      opened(asked, () => connection.attach(node, target)),
    ),
  );
}

export async function forwardPodPorts(parts: ServerParts, request: ResourceRequest): Promise<ApiResponse> {
  const ports = portsOf(request.request.query);
  await admitConnection(parts, request, "PodPortForwardOptions", ports.length > 0 ? { ports } : {});
  const { namespace, name } = request;
  const { node, nodes } = locatePod(parts, request, storedPod(parts, request));
  return upgraded(request, nodes, (connection, upgrade) =>
    servePortForward(upgrade, {
      pod: name,
      ports: ports.map(String),
      dial: (port) => connection.dial(node, namespace, name, port),
    }),
  );
}

/** The fields of PodExecOptions and PodAttachOptions that say which streams; absent where false. */
interface StreamOptions extends JsonObject {
  stdin?: true;
  stdout?: true;
  stderr?: true;
  tty?: true;
  container?: string;
}

function streamOptions(query: URLSearchParams): StreamOptions {
  const options: StreamOptions = {};
  for (const name of ["stdin", "stdout", "stderr", "tty"] as const) {
    if (parseBoolean(query.get(name)) === true) options[name] = true;
  }
  const container = query.get("container");
  return container ? { ...options, container } : options;
}

/** With a terminal there is one output, as kubelets have it. */
function sessionOptions({ stdin, stdout, stderr, tty }: StreamOptions): ExecSessionOptions {
  return { stdin: !!stdin, stdout: !!stdout, stderr: !!stderr && !tty, tty: !!tty };
}

/** Throws 400 as Go's decoding of the query does. */
function portsOf(query: URLSearchParams): number[] {
  return query
    .getAll("ports")
    .flatMap((each) => each.split(","))
    .map((text) => {
      const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      if (port <= 65_535) return port;
      const problem = Number.isNaN(port) ? "invalid syntax" : "value out of range";
      throw status.badRequest(
        `cannot convert to []int32: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${problem}`,
      );
    });
}

function storedPod(parts: ServerParts, { resource, namespace, name }: ResourceRequest): KubeObject {
  const stored = parts.storage.get(objectKey(resource, namespace, name));
  if (stored === undefined) throw status.notFound({ group: "", resource: "pods" }, name);
  return parseStored(stored.value);
}

function locateContainer(parts: ServerParts, request: ResourceRequest) {
  const pod = storedPod(parts, request);
  const container = containerName(pod, request.request.query.get("container") ?? "");
  return { container, ...locatePod(parts, request, pod) };
}

function locatePod({ storage, nodes }: ServerParts, { name }: ResourceRequest, pod: KubeObject) {
  const node: string = pod["spec"].nodeName ?? "";
  if (node === "") throw status.badRequest(`pod ${name} does not have a host assigned`);
  // Upstream's words, though it is the node that is missing.
  if (storage.get(`//nodes/${node}`) === undefined) throw status.notFound({ group: "", resource: "pods" }, node);
  return { node, nodes };
}

function upgraded(
  { request }: ResourceRequest,
  nodes: NodeConnection | undefined,
  serve: (nodes: NodeConnection, upgrade: Upgrade) => Promise<void>,
): ApiResponse {
  if (!isUpgradeRequest(request.headers)) throw status.badRequest("Upgrade request required");
  if (nodes === undefined) throw plainError("error dialing backend: this server has no way to its nodes");
  return { status: 101, headers: {}, body: { type: "upgrade", serve: (upgrade) => serve(nodes, upgrade) } };
}

/** Opens the session as a kubelet does: it answers over HTTP when there is nothing to connect to. */
async function opened(
  { stdin, stdout, stderr }: ExecSessionOptions,
  open: () => Promise<ExecSession>,
): Promise<ExecSession> {
  if (!stdin && !stdout && !stderr) {
    throw new StreamRefusal(400, "you must specify at least 1 of stdin, stdout, stderr");
  }
  try {
    return await open();
  } catch (error) {
    // Kubelets say so with 500 where there is no such container, and 404 without the pod: clients look at the text.
    if (isCode(error, 404)) throw new StreamRefusal(500, error.message);
    throw error;
  }
}
