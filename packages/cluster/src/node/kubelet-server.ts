/**
 * The HTTPS side of a kubelet, as far as API servers need it: logs of containers, exec, attach and port-forward
 * (k8s.io/kubernetes/pkg/kubelet/server/server.go).
 */

import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { NodeAnswer, NodeConnection } from "@podwright/apiserver";
import { drained } from "@podwright/streaming/drained";
import { serveKubeletStream } from "./kubelet-streams.ts";

export interface KubeletServer {
  host: string;
  port: number;
  close(): Promise<void>;
}

export interface KubeletServerOptions {
  nowMs: number;
  connection: NodeConnection;
  /** The node that a pod runs on; undefined: none of these. Several nodes may share one server. */
  nodeOf(namespace: string, pod: string): string | undefined;
}

const host = "127.0.0.1";

/**
 * Listens on a free port of the loopback address, with a certificate of its own: API servers do not verify those of
 * kubelets unless told to. Callers are not asked who they are: what can connect is on this machine.
 */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  // Only nodes that join by network need it: the embedded cluster starts without.
  const [{ createServer }, { createCertificateAuthority }] = await Promise.all([
    import("node:https"),
    import("@podwright/pki"),
  ]);
  const authority = createCertificateAuthority("podwright-kubelet", options.nowMs);
  const { key, cert } = authority.issue({ commonName: "kubelet", hosts: [host, "localhost"], usage: "server" });
  const server = createServer({ key, cert, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"] });
  server.on("request", (request, response) => {
    const url = new URL(request.url ?? "/", "https://kubelet");
    serveLogs(options, request.method ?? "", url, response).catch(() => response.destroy());
  });
  const streams = new Set<import("node:stream").Duplex>();
  server.on("upgrade", (request, socket, head) => {
    streams.add(socket);
    socket.once("close", () => streams.delete(socket));
    serveKubeletStream({ request, socket, head }, options).catch(() => socket.destroy());
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
        for (const stream of streams) stream.destroy();
      }),
  };
}

const plain = { "Content-Type": "text/plain; charset=utf-8" };

async function serveLogs(
  { connection, nodeOf }: KubeletServerOptions,
  method: string,
  url: URL,
  response: ServerResponse,
): Promise<void> {
  const [, route = "", ...names] = url.pathname.split("/").map(decodeURIComponent);
  const [namespace, pod, container] = names;
  if (["exec", "attach", "portForward"].includes(route)) {
    response.writeHead(400, plain).end("unable to upgrade: missing upgrade headers in request\n");
    return;
  }
  if (method !== "GET" || route !== "containerLogs" || !namespace || !pod || !container) {
    response.writeHead(404, plain).end("404 page not found\n");
    return;
  }
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const request = { namespace, pod, container, query: url.searchParams, signal: gone.signal };
  const node = nodeOf(namespace, pod);
  const answer = node === undefined ? undefined : await connection.containerLogs(node, request);
  if (answer === undefined) {
    response.writeHead(404, plain).end(`pod ${JSON.stringify(pod)} not found\n`);
    return;
  }
  response.writeHead(answer.status, { "Content-Type": "text/plain" });
  response.flushHeaders();
  await send(answer, response);
}

async function send(answer: NodeAnswer, response: ServerResponse): Promise<void> {
  for await (const chunk of answer.chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}
