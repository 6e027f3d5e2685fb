import type { IncomingHttpHeaders } from "node:http";
import https from "node:https";
import type { Logger } from "@podwright/client";
import { type Cluster, startCluster } from "@podwright/cluster";
import { expect } from "vitest";
import { parse } from "yaml";

export interface Sent {
  method: string;
  /** With the query; sent as it is. */
  path: string;
  body?: string | Buffer;
  headers?: Record<string, string>;
  /** Without a certificate, or with another one. Default: the administrator's. */
  credentials?: { cert?: string; key?: string };
}

export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  /** JSON where it is JSON. */
  body: unknown;
}

/** An embedded cluster, behind HTTPS, that is told nonsense. */
export interface Target {
  cluster: Cluster;
  /** What an HTTPS client needs to get through as the administrator. */
  tls: { host: string; port: number; ca: string; cert: string; key: string };
  send(request: Sent): Promise<Answered>;
  /** Sends what must be refused: a 4xx with a Status, and nothing is stored. Gives the Status. */
  refused(request: Sent): Promise<{ code: number; reason?: string; message: string }>;
  /** What went wrong in the server itself, as its log has it. Must stay empty. */
  faults: string[];
  stop(): Promise<void>;
}

/** An answer that takes longer than this is a hang. */
const hangMs = 15_000;

export async function openTarget(options: { nodes?: number } = {}): Promise<Target> {
  const faults: string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (message, fields) => faults.push(`${message}: ${JSON.stringify(fields)}`),
  };
  const unhandled = (error: unknown) => faults.push(`unhandled rejection: ${(error as Error)?.stack ?? error}`);
  process.on("unhandledRejection", unhandled);
  const cluster = await startCluster({ port: 0, nodes: options.nodes ?? 0, logger });
  const { user } = parse(cluster.kubeconfig).users[0];
  const { hostname, port } = new URL(cluster.server);
  const tls = {
    host: hostname,
    port: Number(port),
    ca: cluster.ca,
    cert: Buffer.from(user["client-certificate-data"], "base64").toString(),
    key: Buffer.from(user["client-key-data"], "base64").toString(),
  };
  const agent = new https.Agent({ keepAlive: true, ca: tls.ca, cert: tls.cert, key: tls.key });

  const send = ({ method, path, body, headers = {}, credentials }: Sent) =>
    new Promise<Answered>((resolve, reject) => {
      const request = https.request({
        host: tls.host,
        port: tls.port,
        ca: tls.ca,
        ...(credentials === undefined ? { agent } : { agent: false, ...credentials }),
        method,
        path,
        headers: {
          "content-type": "application/json",
          // DELETE too: Node.js does not say how long its body is.
          ...(body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) }),
          ...headers,
        },
        timeout: hangMs,
      });
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed(text) });
        });
      });
      request.on("timeout", () => request.destroy(new Error(`no answer to ${method} ${path.slice(0, 200)}`)));
      request.on("error", reject);
      request.end(body);
    });

  return {
    cluster,
    tls,
    send,
    faults,
    async refused(request) {
      const before = await revision(send);
      const { status, body } = await send(request);
      const shown = `${request.method} ${request.path.slice(0, 200)} ${String(request.body).slice(0, 200)}`;
      expect({ status, body }, shown).toEqual({
        status: expect.toSatisfy((code: number) => code >= 400 && code < 500, "4xx"),
        body: expect.objectContaining({ kind: "Status", apiVersion: "v1", status: "Failure", code: status }),
      });
      expect(await revision(send), `${shown} stored something`).toBe(before);
      return body as { code: number; reason?: string; message: string };
    },
    async stop() {
      agent.destroy();
      await cluster.stop();
      process.off("unhandledRejection", unhandled);
    },
  };
}

/** The revision that the last write left behind. */
async function revision(send: Target["send"]): Promise<string> {
  const { body } = await send({ method: "GET", path: "/api/v1/namespaces?limit=1&resourceVersion=" });
  return (body as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const configMaps = "/api/v1/namespaces/default/configmaps";

export const patchTypes = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

/** A row for test.each whose first column, the title, is no longer than a line. */
export function titled<T extends unknown[]>(text: string, ...rest: T): [string, string, ...T] {
  return [text.slice(0, 70), text, ...rest];
}
