import type { ResponseBody } from "./http1/response-body.ts";
import type { ResponseHeaders } from "./http1/response-parser.ts";
import { isProtobuf, protobufEvents } from "./protobuf-watch.ts";
import type { EventOptions, TransportResponse, WatchEvent } from "./transport.ts";
import { TransportError, transportFailure } from "./transport-error.ts";
import { watchStream } from "./watch-stream.ts";
import { parseWire } from "./wire-json.ts";

/** An answer over HTTP; its body is read once, by one of the methods. */
export class HttpResponse implements TransportResponse {
  readonly status: number;
  readonly headers: ResponseHeaders;
  readonly #method: string;
  readonly #path: string;
  readonly #body: ResponseBody;
  readonly #signal: AbortSignal | undefined;

  constructor(
    method: string,
    path: string,
    status: number,
    headers: ResponseHeaders,
    body: ResponseBody,
    signal: AbortSignal | undefined,
  ) {
    this.status = status;
    this.headers = headers;
    this.#method = method;
    this.#path = path;
    this.#body = body;
    this.#signal = signal;
  }

  async json(): Promise<unknown> {
    const text = await this.text();
    if (text === "") return undefined;
    try {
      return parseWire(text);
    } catch (cause) {
      const what = `the answer is no JSON: ${text.slice(0, 100)}`;
      throw new TransportError(this.#method, this.#path, what, "EBADBODY", cause);
    }
  }

  async text(): Promise<string> {
    try {
      return await this.#body.text();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#body;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  events(options?: EventOptions): AsyncIterable<WatchEvent> {
    return isProtobuf(this)
      ? protobufEvents(this.#method, this.#path, this.#body, this.#signal, options)
      : watchStream(this.#method, this.#path, this.#body, this.#signal);
  }

  #failure(error: unknown): unknown {
    return transportFailure(this.#method, this.#path, error, this.#signal);
  }
}
