import type { KubeObject } from "@podwright/kube";
import { Discovery } from "./discovery.ts";
import { ResourceClient } from "./resource-client.ts";
import type { ResourceRef } from "./resources.ts";
import { responseError } from "./response-status.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

export interface ClientOptions {
  /** Sent with every request; the server takes the part before "/" as field manager of writes that name none. */
  userAgent?: string;
  /** The field manager of every write that does not name another. */
  fieldManager?: string;
  /** Called with the text of each warning the server sends with an answer (RFC 9111 "299" warnings). */
  onWarning?: (text: string) => void;
}

export interface RequestOptions {
  /** The body's type; application/json when absent. */
  contentType?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/**
 * Talks to one API server. It holds no state but the transport and what discovery has told, so there is one
 * per user, shared by everything that acts as that user.
 */
export class Client {
  readonly transport: Transport;
  readonly fieldManager: string | undefined;
  readonly #onWarning: ((text: string) => void) | undefined;
  readonly #readHeaders: Record<string, string>;
  readonly #writeHeaders = new Map<string, Record<string, string>>();
  readonly #resources = new Map<ResourceRef, ResourceClient<KubeObject>>();
  readonly #discovery: Discovery;

  constructor(transport: Transport, options: ClientOptions = {}) {
    this.transport = transport;
    this.fieldManager = options.fieldManager;
    this.#onWarning = options.onWarning;
    this.#readHeaders = Object.freeze({
      accept: "application/json",
      "user-agent": options.userAgent ?? `podwright/0.1.0 (${process.platform}/${process.arch})`,
    });
    this.#discovery = new Discovery(this);
  }

  /** The verbs of one resource. */
  resource<T extends KubeObject = KubeObject>(ref: ResourceRef): ResourceClient<T> {
    let found = this.#resources.get(ref);
    if (found === undefined) {
      found = new ResourceClient(this, ref);
      this.#resources.set(ref, found);
    }
    return found as unknown as ResourceClient<T>;
  }

  /**
   * The resource that serves a kind, by the server's discovery; what is known is kept, a miss asks again.
   * Throws {@link NoMatchError} when the server does not serve it.
   */
  resourceFor(apiVersion: string, kind: string, options: { signal?: AbortSignal } = {}): Promise<ResourceRef> {
    return this.#discovery.resourceFor(apiVersion, kind, options.signal);
  }

  /** All resources the server serves, with every version of each. */
  resources(options: { refresh?: boolean; signal?: AbortSignal } = {}): Promise<readonly ResourceRef[]> {
    return this.#discovery.resources(options);
  }

  /**
   * Sends a request and gives the parsed JSON answer (undefined for an empty one).
   * Throws StatusError for answers of 400 and more, TransportError when no answer came.
   */
  async request<R = unknown>(
    method: TransportRequest["method"],
    path: string,
    body?: object | string | Uint8Array,
    options?: RequestOptions,
  ): Promise<R> {
    const response = await this.rawRequest(method, path, body, options);
    if (response.status >= 400) throw await responseError(method, path, response);
    return (await response.json()) as R;
  }

  /** Sends a request and gives the answer as it is, whatever its status: logs, metrics, other content types. */
  async rawRequest(
    method: TransportRequest["method"],
    path: string,
    body?: object | string | Uint8Array,
    options?: RequestOptions,
  ): Promise<TransportResponse> {
    const request: TransportRequest = {
      method,
      path,
      headers: this.#headers(body === undefined ? undefined : (options?.contentType ?? "application/json")),
    };
    if (body !== undefined) request.body = body;
    if (options?.headers !== undefined) request.headers = { ...request.headers, ...options.headers };
    if (options?.signal !== undefined) request.signal = options.signal;
    const response = await this.transport.request(request);
    if (this.#onWarning !== undefined && response.headers["warning"] !== undefined) {
      for (const text of warningTexts(response.headers["warning"])) this.#onWarning(text);
    }
    return response;
  }

  /** Ends the transport: requests under way fail. */
  close(): Promise<void> {
    return this.transport.close();
  }

  // One frozen object per content type, not one per request: it is the hot path of in-process controllers.
  #headers(contentType: string | undefined): Record<string, string> {
    if (contentType === undefined) return this.#readHeaders;
    let headers = this.#writeHeaders.get(contentType);
    if (headers === undefined) {
      headers = Object.freeze({ ...this.#readHeaders, "content-type": contentType });
      this.#writeHeaders.set(contentType, headers);
    }
    return headers;
  }
}

// `299 - "text with \" and \\"`, several joined with commas (k8s.io/apimachinery/pkg/util/net/http.go, ParseWarningHeaders).
function* warningTexts(header: string): Iterable<string> {
  for (const match of header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) yield match[1]!.replace(/\\(.)/g, "$1");
}
