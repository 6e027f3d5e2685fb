import type { IncomingMessage } from "node:http";
import type { TransportResponse, WatchEvent } from "./transport.ts";
import { TransportError, transportFailure } from "./transport-error.ts";
import { watchStream } from "./watch-stream.ts";
import { parseWire } from "./wire-json.ts";

/** An answer over HTTP; its body is read once, by one of the methods. */
export class HttpResponse implements TransportResponse {
  readonly status: number;
  readonly headers: Record<string, string | undefined>;
  readonly #method: string;
  readonly #path: string;
  readonly #message: IncomingMessage;
  readonly #signal: AbortSignal | undefined;
  readonly #idleTimeoutMs: number;

  constructor(
    method: string,
    path: string,
    message: IncomingMessage,
    signal: AbortSignal | undefined,
    idleTimeoutMs: number,
  ) {
    this.status = message.statusCode ?? 0;
    // Only set-cookie is a list, and API servers set none.
    this.headers = message.headers as Record<string, string | undefined>;
    this.#method = method;
    this.#path = path;
    this.#message = message;
    this.#signal = signal;
    this.#idleTimeoutMs = idleTimeoutMs;
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

  text(): Promise<string> {
    const message = this.#message;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const chunks: Buffer[] = [];
    const fail = (error: unknown) => reject(transportFailure(this.#method, this.#path, error, this.#signal));
    const timer = setTimeout(() => {
      const what = `the answer stopped for ${this.#idleTimeoutMs / 1000} s`;
      message.destroy(new TransportError(this.#method, this.#path, what, "ETIMEDOUT"));
    }, this.#idleTimeoutMs);
    message.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      timer.refresh();
    });
    let ended = false;
    message.once("end", () => {
      ended = true;
      resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString("utf8"));
    });
    message.on("error", fail);
    message.once("close", () => {
      clearTimeout(timer);
      if (!ended) fail(new Error("the connection was closed within the answer"));
    });
    return promise;
  }

  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#message as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw transportFailure(this.#method, this.#path, error, this.#signal);
    }
  }

  events(): AsyncIterable<WatchEvent> {
    return watchStream(this.#method, this.#path, this.#message, this.#signal);
  }
}
