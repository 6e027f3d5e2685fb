/** The HTTPS side of a kubelet, as far as API servers need it: logs of containers. */
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ContainerLogsRequest, NodeAnswer } from "@podwright/apiserver";

export interface KubeletServer {
  host: string;
  port: number;
  close(): Promise<void>;
}

export interface KubeletServerOptions {
  nowMs: number;
  containerLogs(request: ContainerLogsRequest): NodeAnswer;
}

const host = "127.0.0.1";

/**
 * Listens on a free port of the loopback address, with a certificate of its own: API servers do not verify those of
 * kubelets unless told to.
 */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  // Only nodes that join by network need it: the embedded cluster starts without.
  const [{ createServer }, { createCertificateAuthority }] = await Promise.all([
    import("node:https"),
    import("@podwright/pki"),
  ]);
  const authority = createCertificateAuthority("podwright-kubelet", options.nowMs);
  const { key, cert } = authority.issue({ commonName: "kubelet", hosts: [host, "localhost"], usage: "server" });
  const server = createServer({ key, cert, minVersion: "TLSv1.2" }, (request, response) => {
    const url = new URL(request.url ?? "/", "https://kubelet");
    const [, route, ...names] = url.pathname.split("/").map(decodeURIComponent);
    const [namespace, pod, container] = names;
    if (request.method !== "GET" || route !== "containerLogs" || !namespace || !pod || !container) {
      response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" }).end("404 page not found\n");
      return;
    }
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const answer = options.containerLogs({ namespace, pod, container, query: url.searchParams, signal: gone.signal });
    response.writeHead(answer.status, { "Content-Type": "text/plain" });
    response.flushHeaders();
    void send(answer, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, () => resolve());
  });
  // Nobody has to wait for it: who started the nodes stops them.
  server.unref();
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function send(answer: NodeAnswer, response: ServerResponse): Promise<void> {
  for await (const chunk of answer.chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk))
      await new Promise<void>((resolve) => response.once("drain", resolve).once("close", resolve));
  }
  response.end();
}
