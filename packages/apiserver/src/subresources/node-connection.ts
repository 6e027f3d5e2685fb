import type { Duplex } from "node:stream";
import type { ExecSession, ExecSessionOptions } from "@podwright/streaming";

/** The server's way to what runs on nodes: what it would ask of their kubelets. */
export interface NodeConnection {
  /** Undefined when no such node can be reached. */
  containerLogs(node: string, request: ContainerLogsRequest): Promise<NodeAnswer | undefined>;
  /** Runs a command in a container of a pod. Throws a StatusError: 404 without such a container, 500 when it does not run. */
  exec(node: string, request: ContainerRequest & { command: readonly string[] }): Promise<ExecSession>;
  /** The streams of a container's main process. Throws as exec does. */
  attach(node: string, request: ContainerRequest): Promise<ExecSession>;
  /** A connection to a TCP port in the pod's network. Throws an Error that says why there is none. */
  dial(node: string, namespace: string, pod: string, port: number): Promise<Duplex>;
}

export interface ContainerRequest extends ExecSessionOptions {
  namespace: string;
  pod: string;
  container: string;
}

/** GET /containerLogs/NAMESPACE/POD/CONTAINER of a kubelet. */
export interface ContainerLogsRequest {
  namespace: string;
  pod: string;
  container: string;
  /** PodLogOptions: follow, previous, timestamps, tailLines, limitBytes, sinceSeconds, sinceTime, stream. */
  query: URLSearchParams;
  /** Aborts when nobody listens any more. */
  signal: AbortSignal;
}

/** What a kubelet answers. Of a failure (status 400 and more), the text is the reason. */
export interface NodeAnswer {
  status: number;
  chunks: AsyncIterable<string | Uint8Array>;
}
