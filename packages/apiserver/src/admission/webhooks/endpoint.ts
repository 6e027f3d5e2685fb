import type { IncomingMessage } from "node:http";
import https from "node:https";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { type Status, StatusError, status } from "@podwright/kube";
import type { ClientConfig } from "./configuration.ts";
import { goNetworkError } from "./go-errors.ts";
import type { Address, ServiceResolver } from "./service-resolver.ts";

/** Opens a connection that TLS is then put on: a TCP socket, or anything else that carries bytes. */
export type Dial = (address: Address) => Duplex;

/** Where one clientConfig points to, with its pool of connections. */
export interface Endpoint {
  /**
   * Sends the body and gives the answer's text. Throws an Error with the message a Go client would give.
   *
   * @param timeoutSeconds for the whole call
   * @param late what to say when it is over
   */
  post(body: string, timeoutSeconds: number, late?: string): Promise<string>;
  /** Lets calls under way finish and keeps no connection. */
  retire(): void;
}

/** Upstream's limit is etcd's and the decoder's; this one keeps a broken webhook from filling the memory. */
const maxResponseBytes = 16 * 1024 * 1024;
const maxIdleConnections = 64;
/** Go closes idle connections after this time. */
const idleMs = 90_000;

/**
 * Makes the endpoint of a clientConfig: by URL, or by Service, whose connections go where `resolve` says while
 * the certificate must be for `name.namespace.svc` (k8s.io/apiserver/pkg/util/webhook/client.go).
 */
export function createEndpoint(config: ClientConfig, resolve: ServiceResolver, dial: Dial = dialTcp): Endpoint {
  const { service } = config;
  const url = new URL(
    service === undefined
      ? (config.url ?? "")
      : `https://${service.name}.${service.namespace}.svc:${service.port ?? 443}${service.path ?? ""}`,
  );
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const target: Address = { host, port: Number(url.port) || 443 };
  const locate =
    service === undefined ? async () => target : () => resolve(service.namespace, service.name, service.port ?? 443);
  const agent = new https.Agent({
    keepAlive: true,
    maxFreeSockets: maxIdleConnections,
    scheduling: "lifo",
    timeout: idleMs,
  });
  const secureContext = tls.createSecureContext(config.caBundle ? { ca: Buffer.from(config.caBundle, "base64") } : {});
  agent.createConnection = (_options, callback) => {
    locate().then(
      (address) => {
        const socket = tls.connect({
          socket: dial(address),
          secureContext,
          servername: net.isIP(host) === 0 ? host : "",
          ALPNProtocols: ["http/1.1"],
          checkServerIdentity: (_name, certificate) => tls.checkServerIdentity(host, certificate),
        });
        callback?.(null, socket);
      },
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  };

  // What Go prints: with the port of a Service, without a default one that the URL left out.
  const shown = service === undefined ? `https://${url.host}` : `https://${host}:${target.port}`;
  return {
    async post(body, timeoutSeconds, late = "context deadline exceeded") {
      const path = `${url.pathname}?timeout=${timeoutSeconds}s`;
      try {
        return await send({ agent, host, port: target.port, path, body, timeoutMs: timeoutSeconds * 1000, late });
      } catch (error) {
        if (error instanceof UnexpectedAnswer) throw error;
        throw new Error(`Post "${shown}${path}": ${goNetworkError(error as Error, target)}`);
      }
    },
    retire() {
      agent.maxFreeSockets = 0;
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    },
  };
}

/** The webhook's server answered, but not with a review. */
class UnexpectedAnswer extends Error {}

interface Call {
  agent: https.Agent;
  host: string;
  port: number;
  path: string;
  body: string;
  timeoutMs: number;
  late: string;
}

function send(call: Call): Promise<string> {
  return new Promise((resolve, reject) => {
    let timedOut = false;
    let current: ReturnType<typeof https.request>;
    const timer = setTimeout(() => {
      timedOut = true;
      current.destroy(new Error(call.late));
    }, call.timeoutMs);
    const settle = (error: Error | undefined, text: string) => {
      clearTimeout(timer);
      if (error === undefined) resolve(text);
      else reject(error);
    };
    const attempt = () => {
      const request = https.request({
        agent: call.agent,
        host: call.host,
        port: call.port,
        path: call.path,
        method: "POST",
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(call.body),
          accept: "application/json, */*",
          "user-agent": "kube-apiserver-admission",
        },
      });
      current = request;
      request.on("response", (response) => read(response).then((text) => settle(undefined, text), settle_));
      request.on("error", (error) => {
        // The server closed a kept connection just as it was used again: nothing was answered, so try a new one.
        if (request.reusedSocket && !timedOut && isClosed(error)) attempt();
        else settle(timedOut ? new Error(call.late) : error, "");
      });
      request.end(call.body);
    };
    const settle_ = (error: Error) => settle(timedOut ? new Error(call.late) : error, "");
    attempt();
  });
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxResponseBytes) {
      response.destroy();
      throw new UnexpectedAnswer(`the answer is larger than ${maxResponseBytes} bytes`);
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks, size).toString();
  const code = response.statusCode ?? 0;
  const contentType = response.headers["content-type"] ?? "";
  if (code < 200 || code > 206) throw new UnexpectedAnswer(failureText(code, contentType, text));
  if (text === "") {
    throw new UnexpectedAnswer(`0-length response with status code: ${code} and content type: ${contentType}`);
  }
  return text;
}

/** A Status says what it says; plain text is quoted; anything else is "unknown" (k8s.io/client-go/rest/request.go). */
function failureText(code: number, contentType: string, text: string): string {
  try {
    const body = JSON.parse(text) as Status;
    if (body?.kind === "Status" && body.apiVersion === "v1" && body.status !== "Success") {
      return new StatusError(body).message;
    }
  } catch {
    // Not JSON: the code has to do.
  }
  const serverMessage = contentType.startsWith("text/") ? text.trim() : "unknown";
  return status.generic(code, { verb: "POST", serverMessage }).message;
}

function isClosed(error: NodeJS.ErrnoException): boolean {
  return error.code === "ECONNRESET" || error.code === "EPIPE" || error.message === "socket hang up";
}

function dialTcp({ host, port }: Address): Duplex {
  return net.connect({ host, port, noDelay: true });
}
