import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { status } from "@podwright/kube";
import { drained } from "@podwright/streaming/drained";
import { createUpgradeServer, type UpgradeServer } from "./http-upgrade.ts";
import { errorResponse } from "./output/response.ts";
import type { ApiRequest, ApiResponse, WatchBody } from "./request.ts";
import type { ApiServer } from "./server.ts";

export interface ListenOptions {
  /** 0: any free one. */
  port: number;
  host: string;
  tls: {
    /** PEM. */
    key: string;
    cert: string;
    /** Who signs clients' certificates, PEM. */
    clientCa: string;
  };
}

export interface HttpListener {
  /** The one that is listened on. */
  port: number;
  /** Ends watches, lets requests under way finish for a moment, and closes all connections. */
  close(): Promise<void>;
}

/** Go's HTTP clients keep idle connections for 90 s and fail a POST on one the server has just closed: keep them longer. */
const keepAliveTimeoutMs = 180_000;
/** As Go's server has it: tokens and selectors can be long. */
const maxHeaderBytes = 1024 * 1024;
/** Larger bodies are refused with 413 (k8s.io/apiserver/pkg/server/config.go, MaxRequestBodyBytes). */
const maxBodyBytes = 3 * 1024 * 1024;
/** How long requests under way may take when the server stops. */
const closeGraceMs = 2000;
const sweepIntervalMs = 10;

/**
 * Serves the API over HTTPS. HTTP/1.1: WebSockets and SPDY need it, and clients take it as well. Rejects when the
 * address cannot be listened on, with the system's error (EADDRINUSE, EACCES).
 */
export async function listen(api: ApiServer, { port, host, tls }: ListenOptions): Promise<HttpListener> {
  const server = createServer({
    key: tls.key,
    cert: tls.cert,
    ca: tls.clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["http/1.1"],
    keepAliveTimeout: keepAliveTimeoutMs,
    maxHeaderSize: maxHeaderBytes,
    requestTimeout: 0,
    noDelay: true,
  });
  server.timeout = 0;
  const certificates = new WeakMap<object, ApiRequest["clientCertificate"] & {}>();
  server.on("secureConnection", (socket: TLSSocket) => {
    const certificate = clientCertificate(socket);
    if (certificate !== undefined) certificates.set(socket, certificate);
  });
  server.on("request", (incoming, outgoing) => {
    void serve(api, incoming, outgoing, certificates.get(incoming.socket));
  });
  const upgrades = createUpgradeServer(api);
  server.on("upgrade", (incoming, socket, head) => {
    const certificate = certificates.get(incoming.socket);
    upgrades.serve(incoming, socket, head, (signal) => apiRequest(incoming, undefined, certificate, signal));
  });
  server.on("clientError", (error, socket) => refuseConnection(error, socket));
  const sockets = new Set<Duplex>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await listening(server, port, host);
  return { port: (server.address() as AddressInfo).port, close: () => close(api, server, upgrades, sockets) };
}

/** One for all: making an error for each would cost more than many a request. */
const clientGone = new Error("the client is gone");

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Answers what is no HTTP as Go's server does. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const text = error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
  socket.end(`HTTP/1.1 ${text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`);
  socket.once("finish", () => socket.destroy());
}

async function close(
  api: ApiServer,
  server: Server,
  upgrades: UpgradeServer,
  sockets: ReadonlySet<Duplex>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  api.close();
  upgrades.close();
  // Connections fall idle as their last answers are sent; nothing tells when.
  const sweep = setInterval(() => server.closeIdleConnections(), sweepIntervalMs);
  const deadline = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, closeGraceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(deadline);
}

/** Read once for each connection: taking a certificate apart is slow. */
function clientCertificate(socket: TLSSocket): ApiRequest["clientCertificate"] {
  const certificate = socket.getPeerCertificate();
  if (Object.keys(certificate).length === 0) return undefined;
  if (!socket.authorized) return "invalid";
  const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  return { commonName: [CN ?? ""].flat()[0] ?? "", organizations: O === undefined ? [] : [O].flat() };
}

async function serve(
  api: ApiServer,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  certificate: ApiRequest["clientCertificate"],
): Promise<void> {
  const abort = new AbortController();
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) abort.abort(clientGone);
  });
  try {
    if (/%(?![0-9a-f]{2})/i.test((incoming.url ?? "").split("?", 1)[0] as string)) {
      // What Go's HTTP server answers.
      const headers = { "Content-Type": "text/plain; charset=utf-8", Connection: "close" };
      sendBytes(outgoing, { status: 400, headers, body: { type: "bytes", chunks: ["400 Bad Request"] } });
      return;
    }
    const body = isProxied(incoming) ? undefined : await readBody(incoming);
    if (body === "too large") {
      const refused = status.requestEntityTooLarge(`limit is ${maxBodyBytes}`);
      outgoing.setHeader("Connection", "close");
      sendBytes(outgoing, errorResponse(refused));
      return;
    }
    const request = apiRequest(incoming, body, certificate, abort.signal);
    if (isProxied(incoming)) request.incoming = incoming;
    const response = await api.handle(request);
    if (response.body.type === "watch") await sendWatch(outgoing, response, response.body);
    else if (response.body.type === "stream") await sendStream(outgoing, response, response.body.chunks);
    else sendBytes(outgoing, response);
  } catch {
    // The client is gone, or the answer was under way: there is nobody to tell.
    outgoing.destroy();
  }
}

/** Bodies of any length go through proxies as they come. */
function isProxied({ url = "" }: IncomingMessage): boolean {
  return url.includes("/proxy") && proxied.test(url);
}
const proxied = /^[^?]*\/(?:pods|services|nodes)\/[^/?]+\/proxy(?:[/?]|$)/;

function apiRequest(
  incoming: IncomingMessage,
  body: Uint8Array | undefined,
  certificate: ApiRequest["clientCertificate"],
  signal: AbortSignal,
): ApiRequest {
  // Proxies ask with the whole URL.
  const url = (incoming.url ?? "/").replace(/^https?:\/\/[^/?]*/i, "");
  const question = url.indexOf("?");
  return {
    method: incoming.method ?? "GET",
    path: question < 0 ? url : url.slice(0, question),
    query: new URLSearchParams(question < 0 ? "" : url.slice(question + 1)),
    rawQuery: question < 0 ? "" : url.slice(question + 1),
    headers: incoming.headers as ApiRequest["headers"],
    body,
    ...(certificate !== undefined && { clientCertificate: certificate }),
    remoteAddress: incoming.socket.remoteAddress ?? "",
    signal,
  };
}

function readBody(incoming: IncomingMessage): Promise<Uint8Array | undefined | "too large"> | undefined {
  if (incoming.method === "GET" || incoming.method === "HEAD") return undefined;
  if (incoming.headers["content-length"] === "0") return undefined;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    incoming.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBodyBytes) {
        resolve("too large");
        incoming.removeAllListeners("data");
        incoming.resume();
        return;
      }
      chunks.push(chunk);
    });
    incoming.on("end", () => {
      if (chunks.length === 0) resolve(undefined);
      else resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length));
    });
    incoming.on("error", reject);
  });
}

function sendBytes(outgoing: ServerResponse, response: ApiResponse): void {
  if (response.body.type !== "bytes") return;
  const { chunks } = response.body;
  let length = 0;
  for (const chunk of chunks) length += typeof chunk === "string" ? Buffer.byteLength(chunk) : chunk.length;
  outgoing.writeHead(response.status, { ...headersOf(response), "Content-Length": length });
  if (length <= joinedBytes) {
    outgoing.end(chunks.length === 1 ? chunks[0] : joined(chunks, length));
    return;
  }
  for (const chunk of chunks) outgoing.write(chunk);
  outgoing.end();
}

function headersOf({ headers, cookies }: ApiResponse): Record<string, string | string[]> {
  return cookies === undefined ? headers : { ...headers, "Set-Cookie": cookies };
}

/** Bodies up to this size go out in one write with their head. */
const joinedBytes = 64 * 1024;

function joined(chunks: readonly (Buffer | string)[], length: number): Buffer {
  const body = Buffer.allocUnsafe(length);
  let offset = 0;
  for (const chunk of chunks)
    offset += typeof chunk === "string" ? body.write(chunk, offset) : chunk.copy(body, offset);
  return body;
}

/** Writes frames as they come; a slow client is waited for, and meanwhile the watch holds what it can. */
async function sendWatch(
  outgoing: ServerResponse,
  response: ApiResponse,
  { frames, protobuf }: WatchBody,
): Promise<void> {
  outgoing.writeHead(response.status, response.headers);
  outgoing.flushHeaders();
  for await (const frame of frames) {
    if (outgoing.destroyed) break;
    const bytes = protobuf === undefined ? frame.bytes() : frame.protobuf(protobuf);
    if (!outgoing.write(bytes)) await drained(outgoing);
  }
  outgoing.end();
}

/** Writes chunks as they come; the answer's head goes out before the first of them. */
async function sendStream(
  outgoing: ServerResponse,
  response: ApiResponse,
  chunks: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  outgoing.writeHead(response.status, headersOf(response));
  outgoing.flushHeaders();
  for await (const chunk of chunks) {
    if (outgoing.destroyed) break;
    if (!outgoing.write(chunk)) await drained(outgoing);
  }
  outgoing.end();
}
