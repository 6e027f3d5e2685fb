import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";

/** A helm repository over HTTP, with what a test needs to see and to break. */
export interface ChartServer {
  url: string;
  /** "GET /index.yaml 200", in order. */
  requests: string[];
  /** Adds a version; `digest` is a lie to put into the index. */
  add(name: string, version: string, archive: Buffer, digest?: string): void;
  /** Answers instead of what is there: a status, 0 to break the connection, -1 for nothing at all. */
  fault: ((request: IncomingMessage) => number | undefined) | undefined;
  close(): Promise<void>;
}

export interface ChartServerOptions {
  /** A header that every request needs. */
  authorization?: string | undefined;
  /** HTTPS, for clients with a certificate of this authority. PEM. */
  tls?: { cert: string; key: string; ca: string };
}

export async function serveCharts({ authorization, tls }: ChartServerOptions = {}): Promise<ChartServer> {
  const versions = new Map<string, string[]>();
  const archives = new Map<string, Buffer>();
  const requests: string[] = [];
  const index = () =>
    `apiVersion: v1\nentries:${versions.size === 0 ? " {}" : ""}\n${[...versions]
      .map(([name, entries]) => `  ${name}:\n${entries.join("")}`)
      .join("")}`;

  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? "").slice(1);
    const answer = (status: number, body: string | Buffer = "", headers: Record<string, string> = {}) => {
      requests.push(`${request.method} /${path} ${status}`);
      response.writeHead(status, headers).end(body);
    };
    const fault = served.fault?.(request);
    if (fault === -1) return;
    if (fault !== undefined) return fault === 0 ? request.socket.destroy() : answer(fault);
    if (authorization !== undefined && request.headers.authorization !== authorization) return answer(401);
    if (path === "index.yaml") {
      const text = index();
      const etag = `"${createHash("sha256").update(text).digest("hex")}"`;
      if (request.headers["if-none-match"] === etag) return answer(304);
      return answer(200, text, { etag });
    }
    const archive = archives.get(path);
    return archive === undefined ? answer(404) : answer(200, archive);
  };
  const server =
    tls === undefined
      ? createServer(serve)
      : createSecureServer({ ...tls, requestCert: true, rejectUnauthorized: true }, serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const served: ChartServer = {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fault: undefined,
    add(name, version, archive, digest = createHash("sha256").update(archive).digest("hex")) {
      const path = `charts/${name}-${version}.tgz`;
      archives.set(path, archive);
      const entry = `  - digest: ${digest}\n    name: ${name}\n    urls:\n    - ${path}\n    version: ${version}\n`;
      versions.set(name, [...(versions.get(name) ?? []), entry]);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return served;
}
