import type { Agent, ClientRequest, OutgoingHttpHeaders } from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import tls from "node:tls";
import { type Clock, sleep, systemClock } from "@podwright/clock";
import { stringifyJson } from "@podwright/kube/json";
import type { ConnectionConfig, Credential } from "./connection-config.ts";
import { HttpResponse } from "./http-response.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";
import { TransportError, transportFailure } from "./transport-error.ts";

export interface HttpTransportOptions {
  /** Until TCP and TLS stand. Default 30 s. */
  connectTimeoutMs?: number;
  /** From then until the answer's headers, and between two pieces of a body. Default 75 s: the server gives up after 60. */
  responseTimeoutMs?: number;
  /** Connections for requests; watches have their own besides. Default 64. */
  maxConnections?: number;
  /** Repetitions of a request the server told to come again later. Default 5. */
  maxRetries?: number;
  clock?: Clock;
}

// An import would read all its exports, and one of them loads all of fetch: 9 MB and 18 ms.
const http = process.getBuiltinModule("node:http");

// A server closes idle connections after a while (kube-apiserver after 90 s, others sooner); we do it first.
const idleConnectionMs = 30_000;
const longestRetryAfterSeconds = 30;
// What Go's client takes for a stale connection, by its error codes here.
const staleCodes = new Set(["ECONNRESET", "EPIPE"]);

/**
 * HTTP/1.1 over kept-alive connections. Streams (watches, followed logs) have connections of their own, so no
 * number of them makes requests wait.
 *
 * What is tried again: any request answered 429 or 503 with Retry-After (k8s.io/client-go/rest/with_retry.go); a
 * GET whose kept-alive connection turned out to be closed, as Go's net/http does; once, a request answered 401
 * when there are new credentials.
 */
export class HttpTransport implements Transport {
  readonly #config: ConnectionConfig;
  readonly #clock: Clock;
  readonly #connectTimeoutMs: number;
  readonly #responseTimeoutMs: number;
  readonly #maxConnections: number;
  readonly #maxRetries: number;
  readonly #basePath: string;
  readonly #endpoint: { host: string; port: number; secure: boolean };
  readonly #active = new Set<ClientRequest>();
  #agents: Agents | undefined;
  #closed = false;

  /** Opens nothing yet; throws TypeError when the server's URL is none. */
  constructor(config: ConnectionConfig, options: HttpTransportOptions = {}) {
    const url = new URL(config.server);
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw new TypeError(`server ${config.server}: only https and http are supported`);
    }
    this.#config = config;
    this.#clock = options.clock ?? systemClock;
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 30_000;
    this.#responseTimeoutMs = options.responseTimeoutMs ?? 75_000;
    this.#maxConnections = options.maxConnections ?? 64;
    this.#maxRetries = options.maxRetries ?? 5;
    this.#basePath = url.pathname.replace(/\/+$/, "");
    const secure = url.protocol === "https:";
    this.#endpoint = {
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
      secure,
    };
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const { method, path, signal } = request;
    const body =
      request.body === undefined || typeof request.body === "string" || request.body instanceof Uint8Array
        ? request.body
        : stringifyJson(request.body);
    let staleRetries = 3;
    let laterRetries = this.#maxRetries;
    let mayRefresh = true;
    for (;;) {
      signal?.throwIfAborted();
      const pending = this.#config.credentials.current();
      const credential = pending instanceof Promise ? await pending : pending;
      let response: TransportResponse;
      try {
        response = await this.#send(request, body, credential);
      } catch (error) {
        if (error instanceof StaleConnection) {
          if (method === "GET" && staleRetries-- > 0) continue;
          throw transportFailure(method, path, error.cause, signal);
        }
        throw error;
      }
      if (response.status < 400) return response;
      if (response.status === 401 && mayRefresh) {
        mayRefresh = false;
        if (!(await this.#config.credentials.rejected(credential))) return response;
      } else if ((response.status === 429 || response.status === 503) && laterRetries > 0) {
        const seconds = Number(response.headers["retry-after"]);
        if (!(seconds >= 0 && seconds <= longestRetryAfterSeconds)) return response;
        laterRetries--;
        await response.text();
        await sleep(this.#clock, seconds * 1000, signal);
        continue;
      } else return response;
      await response.text();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const ends = [...this.#active].map((request) => {
      const end = new Promise<void>((resolve) => request.once("close", resolve));
      request.destroy(new TransportError(request.method, request.path, "the client was closed", "ECLOSED"));
      return end;
    });
    this.#agents?.destroy();
    await Promise.all(ends);
  }

  #send(
    request: TransportRequest,
    body: string | Uint8Array | undefined,
    credential: Credential,
  ): Promise<TransportResponse> {
    const { method, path, signal } = request;
    if (this.#closed) return Promise.reject(new TransportError(method, path, "the client was closed", "ECLOSED"));
    const streaming = /[?&](?:watch|follow)=(?:1|true)/.test(path);
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    const headers: OutgoingHttpHeaders = { ...this.#config.headers, ...request.headers };
    if (credential.authorization !== undefined && headers["authorization"] === undefined) {
      headers["authorization"] = credential.authorization;
    }
    if (body !== undefined) headers["content-length"] = Buffer.byteLength(body);
    const options: https.RequestOptions = {
      agent: this.#agentsFor(credential)[streaming ? "streams" : "requests"],
      host: this.#endpoint.host,
      port: this.#endpoint.port,
      method,
      path: this.#basePath + path,
      headers,
    };
    if (signal !== undefined) options.signal = signal;
    const sent = this.#endpoint.secure ? https.request(options) : http.request(options);
    this.#active.add(sent);

    let timer: NodeJS.Timeout | undefined;
    const limit = (ms: number, what: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => sent.destroy(new TransportError(method, path, what, "ETIMEDOUT")), ms);
    };
    const awaitAnswer = () => {
      if (/[?&]follow=/.test(path)) clearTimeout(timer);
      else limit(this.#responseTimeoutMs, `no answer within ${this.#responseTimeoutMs / 1000} s`);
    };
    sent.once("socket", (socket) => {
      if (streaming) socket.setKeepAlive(true, 30_000);
      if (!socket.connecting) return awaitAnswer();
      limit(this.#connectTimeoutMs, `no connection within ${this.#connectTimeoutMs / 1000} s`);
      socket.once(this.#endpoint.secure ? "secureConnect" : "connect", awaitAnswer);
    });
    sent.once("response", (message) => {
      clearTimeout(timer);
      resolve(new HttpResponse(method, path, message, signal, this.#responseTimeoutMs));
    });
    sent.once("close", () => {
      clearTimeout(timer);
      this.#active.delete(sent);
    });
    // Also after the answer: a connection that breaks then is told to the body's reader, here it is only taken note of.
    sent.on("error", (error: NodeJS.ErrnoException) => {
      const stale = sent.reusedSocket && staleCodes.has(error.code ?? "") && !signal?.aborted;
      reject(stale ? new StaleConnection(error) : transportFailure(method, path, error, signal));
    });
    sent.end(body);
    return promise;
  }

  // Connections belong to a client certificate: another one (rotated, or from an exec plugin) gets new ones.
  #agentsFor(credential: Credential): Agents {
    const agents = this.#agents;
    if (agents !== undefined && agents.certificate === credential.certificate && agents.key === credential.key) {
      return agents;
    }
    this.#agents = new Agents(this.#config, this.#endpoint, credential, this.#maxConnections);
    agents?.retire();
    return this.#agents;
  }
}

/** A kept-alive connection was closed under a request before any answer. */
class StaleConnection extends Error {
  constructor(cause: Error) {
    super("stale connection", { cause });
  }
}

class Agents {
  readonly certificate: Credential["certificate"];
  readonly key: Credential["key"];
  readonly requests: Agent;
  readonly streams: Agent;

  constructor(
    config: ConnectionConfig,
    endpoint: { host: string; secure: boolean },
    credential: Credential,
    maxConnections: number,
  ) {
    this.certificate = credential.certificate;
    this.key = credential.key;
    const common = { keepAlive: true, timeout: idleConnectionMs };
    if (!endpoint.secure) {
      this.requests = new http.Agent({ ...common, maxSockets: maxConnections });
      this.streams = new http.Agent(common);
      return;
    }
    // A ready context, not ca/cert/key: Node would make them part of the pool's key for each request.
    const context: tls.SecureContextOptions = { minVersion: "TLSv1.2" };
    if (config.tls.ca !== undefined) context.ca = config.tls.ca;
    if (credential.certificate !== undefined) context.cert = credential.certificate;
    if (credential.key !== undefined) context.key = credential.key;
    const secure: https.AgentOptions = { ...common, secureContext: tls.createSecureContext(context) };
    secure.rejectUnauthorized = config.tls.insecureSkipVerify !== true;
    const name = config.tls.serverName ?? (isIP(endpoint.host) === 0 ? endpoint.host : undefined);
    if (name !== undefined) secure.servername = name;
    this.requests = new https.Agent({ ...secure, maxSockets: maxConnections });
    this.streams = new https.Agent(secure);
  }

  /** Idle connections end now; requests under way go on, and their connections end when they were idle for a while. */
  retire(): void {
    for (const agent of [this.requests, this.streams]) {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    }
  }

  destroy(): void {
    this.requests.destroy();
    this.streams.destroy();
  }
}
