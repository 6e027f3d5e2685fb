import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

/** An HTTP request that wants to become something else: what the "upgrade" event of Node's HTTP server tells. */
export interface Upgrade {
  request: IncomingMessage;
  /** The connection, which is the server's from now on. */
  socket: Duplex;
  /** What came after the request's head already. */
  head: Buffer;
}

/** Thrown to answer with an error in place of the upgrade. */
export class StreamRefusal extends Error {
  override name = "StreamRefusal";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A request with "Connection: Upgrade" (k8s.io/apimachinery/pkg/util/httpstream, IsUpgradeRequest). */
export function isUpgradeRequest(headers: IncomingHttpHeaders | Record<string, string | undefined>): boolean {
  return /upgrade/i.test(headers["connection"] ?? "");
}

export function isWebSocketRequest(headers: IncomingHttpHeaders | Record<string, string | undefined>): boolean {
  return isUpgradeRequest(headers) && headers["upgrade"]?.toLowerCase() === "websocket";
}

/** The subprotocols that the client of a WebSocket offers, in its order. */
export function offeredProtocols(headers: IncomingHttpHeaders | Record<string, string | undefined>): string[] {
  return commaSeparated(headers["sec-websocket-protocol"]);
}

export function commaSeparated(header: string | string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .join(",")
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};

/** How long a refused client may take to read the answer. */
const refusalMs = 10_000;

/** Answers a request for an upgrade as an ordinary one, and ends the connection. */
export function refuseUpgrade(
  socket: Duplex,
  code: number,
  body: string | Buffer,
  headers: Record<string, string> = { "Content-Type": "text/plain; charset=utf-8" },
): void {
  const head = Object.entries({ ...headers, "Content-Length": String(Buffer.byteLength(body)), Connection: "close" })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  socket.on("error", () => {});
  socket.write(`HTTP/1.1 ${code} ${reasons[code] ?? "Status"}\r\n${head}\r\n`);
  socket.end(body);
  const timer = setTimeout(() => socket.destroy(), refusalMs).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.once("finish", () => socket.destroy());
}

/** Idle sessions end after this time (kubelet's streamingConnectionIdleTimeout). */
export const defaultIdleMs = 4 * 60 * 60 * 1000;
const keepAliveMs = 30_000;

/**
 * Ends a connection that nothing goes over for the time, or whose peer is gone without a word.
 *
 * @param socket a net.Socket or tls.TLSSocket; others carry no timers and are left as they are
 */
export function guardConnection(socket: Duplex, idleMs: number): void {
  const connection = socket as Duplex & Partial<import("node:net").Socket>;
  connection.setNoDelay?.(true);
  connection.setKeepAlive?.(true, keepAliveMs);
  connection.setTimeout?.(idleMs, () => socket.destroy());
}
