import { type Clock, sleep, systemClock } from "@podwright/clock";
import { stringifyJson } from "@podwright/kube/json";
import type { ConnectionConfig, Credential } from "./connection-config.ts";
import { Call } from "./http1/call.ts";
import { RequestHeads } from "./http1/request-head.ts";
import { type Endpoint, ServerConnections } from "./http1/server-connections.ts";
import { StaleConnection } from "./http1/stale-connection.ts";
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

// A server closes idle connections after a while (kube-apiserver after 90 s, others sooner); we do it first.
const idleTimeoutMs = 30_000;
const longestRetryAfterSeconds = 30;

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
  readonly #heads: RequestHeads;
  readonly #endpoint: Endpoint;
  readonly #calls = new Set<Call>();
  #connections: ServerConnections | undefined;
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
    const secure = url.protocol === "https:";
    this.#heads = new RequestHeads(url.host, url.pathname.replace(/\/+$/, ""), config.headers);
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
    for (const call of this.#calls) {
      call.cancel(new TransportError(call.method, call.path, "the client was closed", "ECLOSED"));
    }
    await this.#connections?.destroy();
  }

  #send(
    { method, path, headers, signal }: TransportRequest,
    body: string | Uint8Array | undefined,
    credential: Credential,
  ): Promise<TransportResponse> {
    if (this.#closed) return Promise.reject(new TransportError(method, path, "the client was closed", "ECLOSED"));
    const head = this.#heads.write({ method, path, headers, authorization: credential.authorization, body });
    const call = new Call(method, path, head, body, signal, () => this.#calls.delete(call));
    this.#calls.add(call);
    call.begin(this.#connectionsFor(credential)[call.silence === "none" ? "requests" : "streams"]);
    return call.response;
  }

  // Connections belong to a client certificate: another one (rotated, or from an exec plugin) gets new ones.
  #connectionsFor(credential: Credential): ServerConnections {
    const connections = this.#connections;
    if (connections?.belongsTo(credential)) return connections;
    this.#connections = new ServerConnections(this.#endpoint, this.#config.tls, credential, {
      maxConnections: this.#maxConnections,
      connectTimeoutMs: this.#connectTimeoutMs,
      responseTimeoutMs: this.#responseTimeoutMs,
      idleTimeoutMs,
    });
    connections?.retire();
    return this.#connections;
  }
}
