import type { ApiRequest, ApiResponse, ApiServer, UserInfo, WatchFrame } from "@podwright/apiserver";
import type { Transport, TransportRequest, TransportResponse, WatchEvent } from "@podwright/client";
import { TransportError } from "@podwright/client";
import { cloneJson, parseJson } from "@podwright/kube";

/**
 * Carries requests straight into an API server of this process, as the given user: nothing is serialised on the
 * way in, and the events of a watch are the very objects that all its watchers in the process share.
 */
export function inProcessTransport(server: Pick<ApiServer, "handle">, user: UserInfo): Transport {
  const closed = new AbortController();
  return {
    async request(request: TransportRequest): Promise<TransportResponse> {
      if (closed.signal.aborted)
        throw new TransportError(request.method, request.path, "the client is closed", "ECLOSED");
      request.signal?.throwIfAborted();
      const response = await server.handle(apiRequest(request, user, closed.signal));
      request.signal?.throwIfAborted();
      return new InProcessResponse(response);
    },
    async close() {
      closed.abort();
    },
  };
}

function apiRequest(request: TransportRequest, user: UserInfo, closed: AbortSignal): ApiRequest {
  const { path, method, headers, body, signal } = request;
  const question = path.indexOf("?");
  const query = new URLSearchParams(question < 0 ? "" : path.slice(question + 1));
  return {
    method,
    path: question < 0 ? path : path.slice(0, question),
    query,
    headers: headers === undefined ? {} : withoutProtobuf(headers),
    body: ownedBody(body),
    user,
    // Only watches last until somebody ends them.
    signal: signal === undefined ? closed : query.has("watch") ? AbortSignal.any([signal, closed]) : signal,
  };
}

/** Objects are handed over as they are, and other answers are read as JSON. */
function withoutProtobuf(headers: Record<string, string>): Record<string, string> {
  const accept = headers["accept"];
  if (!accept?.includes(protobuf)) return headers;
  return { ...headers, accept: accept.replaceAll(protobuf, "application/json") };
}
const protobuf = "application/vnd.kubernetes.protobuf";

/** The server may change what it is given, and callers keep what they gave. */
function ownedBody(body: TransportRequest["body"]): ApiRequest["body"] {
  if (body === undefined || body instanceof Uint8Array) return body;
  if (typeof body === "string") return Buffer.from(body);
  return cloneJson(body) as ApiRequest["body"];
}

class InProcessResponse implements TransportResponse {
  readonly status: number;
  readonly headers: Record<string, string | undefined>;
  readonly #body: ApiResponse["body"];

  constructor({ status, headers, body }: ApiResponse) {
    this.status = status;
    this.headers = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    this.#body = body;
  }

  async json(): Promise<unknown> {
    const text = await this.text();
    if (text === "") return undefined;
    // As over the network: only numbers that may not fit a double need the exact reader.
    return /\d{16}/.test(text) ? parseJson(text).value : JSON.parse(text);
  }

  async text(): Promise<string> {
    if (this.#body.type === "watch") {
      let text = "";
      for await (const frame of this.#body.frames) text += frame.bytes().toString();
      return text;
    }
    if (this.#body.type === "stream") {
      let text = "";
      for await (const chunk of this.#body.chunks) text += chunk;
      return text;
    }
    if (this.#body.type === "upgrade") throw new Error("there is no connection in this process to upgrade");
    // No character is in two of them.
    return this.#body.chunks.join("");
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#body.type !== "stream") {
      yield Buffer.from(await this.text());
      return;
    }
    for await (const chunk of this.#body.chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
  }

  async *events(): AsyncGenerator<WatchEvent, void, undefined> {
    if (this.#body.type !== "watch") return;
    for await (const frame of this.#body.frames as AsyncIterable<WatchFrame>) {
      yield { type: frame.type, object: frame.object() };
    }
  }
}
