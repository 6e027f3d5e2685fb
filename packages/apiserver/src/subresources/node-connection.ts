/** The server's way to what runs on nodes: what it would ask of their kubelets. */
export interface NodeConnection {
  /** Undefined when no such node can be reached. */
  containerLogs(node: string, request: ContainerLogsRequest): Promise<NodeAnswer | undefined>;
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
