import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { ConnectionConfig } from "@podwright/client";
import { nativeTypes } from "@podwright/kube";
import { ProtobufEncoder } from "@podwright/kube/encode";

/** What befalls a watch, or the next one. */
export type Fault = "drop" | "stall" | "end" | "truncate" | "garbage" | "expired" | "expired-event" | "refuse";
export const faults: readonly Fault[] = [
  "drop",
  "stall",
  "end",
  "truncate",
  "garbage",
  "expired",
  "expired-event",
  "refuse",
];

const expired = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Failure",
  message: "too old resource version",
  reason: "Expired",
  code: 410,
};

/**
 * A reverse proxy in front of an API server that harms watches on command: connections break, fall silent while they
 * stay open (half-open TCP), end within an event, bring garbage; resumed watches are answered 410.
 */
export class FaultProxy {
  /** Faults that happened. */
  readonly happened = new Map<Fault, number>();
  readonly #target: ConnectionConfig;
  readonly #server = http.createServer((request, response) => this.#forward(request, response));
  readonly #watches = new Map<http.ServerResponse, http.IncomingMessage>();
  readonly #silent = new Set<http.ServerResponse>();
  readonly #agent: https.Agent;
  #authorization: string | undefined;
  /** For the next watch that goes on from a version. */
  #next: Fault | undefined;
  #cut = false;
  #encoding: string | undefined;

  private constructor(target: ConnectionConfig, agent: https.Agent) {
    this.#target = target;
    this.#agent = agent;
  }

  static async open(target: ConnectionConfig): Promise<FaultProxy> {
    const { certificate, key, authorization } = await target.credentials.current();
    const agent = new https.Agent({
      keepAlive: true,
      rejectUnauthorized: target.tls.insecureSkipVerify !== true,
      ...(target.tls.ca === undefined ? {} : { ca: target.tls.ca }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(key === undefined ? {} : { key }),
    });
    const proxy = new FaultProxy(target, agent);
    proxy.#authorization = authorization;
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  /** How to reach the API server through this. */
  get connection(): ConnectionConfig {
    const { port } = this.#server.address() as AddressInfo;
    return {
      server: `http://127.0.0.1:${port}`,
      namespace: "default",
      tls: {},
      credentials: { current: () => ({}), rejected: async () => false },
      headers: {},
    };
  }

  /** Watches that work. */
  get watches(): number {
    return this.#watches.size;
  }

  /** What the last watch was answered in. */
  get encoding(): string | undefined {
    return this.#encoding;
  }

  /** Harms all watches there are. */
  harm(fault: Fault): void {
    this.happened.set(fault, (this.happened.get(fault) ?? 0) + 1);
    if (fault === "expired" || fault === "expired-event" || fault === "refuse") this.#next = fault;
    for (const [response, upstream] of this.#watches) {
      this.#watches.delete(response);
      upstream.destroy();
      if (fault === "stall") this.#silent.add(response);
      else if (fault === "end") response.end();
      else if (fault === "truncate") response.end(isProtobuf(response) ? protobufStart : jsonStart);
      else if (fault === "garbage") response.end("<html>504 Gateway Time-out</html>\n");
      else response.destroy();
    }
  }

  /** From now on (until `mend`) no request gets through, and those under way break. */
  cut(): void {
    this.#cut = true;
    this.#server.closeAllConnections();
  }

  mend(): void {
    this.#cut = false;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (this.#cut) {
      request.socket.destroy();
      return;
    }
    const watch = request.url?.includes("watch=1") ?? false;
    if (watch && request.url?.includes("resourceVersion=") && this.#next !== undefined) {
      answer(response, this.#next, request.headers.accept ?? "");
      this.#next = undefined;
      return;
    }
    const { hostname, port } = new URL(this.#target.server);
    const headers: http.OutgoingHttpHeaders = { ...request.headers };
    if (this.#authorization !== undefined) headers["authorization"] = this.#authorization;
    const options = { hostname, port, agent: this.#agent, method: request.method, path: request.url, headers };
    const sent = https.request(options, (upstream) => {
      response.writeHead(upstream.statusCode as number, upstream.headers);
      response.flushHeaders();
      upstream.on("data", (chunk) => {
        if (!this.#silent.has(response)) response.write(chunk);
      });
      upstream.on("end", () => response.end());
      upstream.on("error", () => {});
      if (watch && upstream.statusCode === 200) {
        this.#watches.set(response, upstream);
        this.#encoding = upstream.headers["content-type"];
      }
    });
    sent.on("error", () => {
      if (!this.#silent.has(response)) response.destroy();
    });
    response.on("close", () => {
      this.#watches.delete(response);
      this.#silent.delete(response);
      sent.destroy();
    });
    request.pipe(sent);
  }
}

function isProtobuf(response: http.ServerResponse): boolean {
  return String(response.getHeader("content-type")).includes("protobuf");
}

const jsonStart = '{"type":"MODIFIED","object":{"metadata":{"na';
/** Of a frame of 256 bytes with the type MODIFIED. */
const protobufStart = Buffer.from("00000100" + "0a084d4f444946494544" + "12", "hex");

function answer(response: http.ServerResponse, fault: Fault, accept: string): void {
  if (fault === "expired-event" && accept.startsWith("application/vnd.kubernetes.protobuf")) {
    response.setHeader("content-type", "application/vnd.kubernetes.protobuf;stream=watch");
    response.end(new ProtobufEncoder(nativeTypes()).watchFrame("ERROR", expired));
  } else if (fault === "expired-event") response.end(`${JSON.stringify({ type: "ERROR", object: expired })}\n`);
  else if (fault === "expired") response.writeHead(410).end(JSON.stringify(expired));
  else response.writeHead(500).end("internal error");
}
