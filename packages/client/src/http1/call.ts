import { HttpResponse } from "../http-response.ts";
import type { TransportResponse } from "../transport.ts";
import { transportFailure } from "../transport-error.ts";
import type { Connection, Exchange } from "./connection.ts";
import type { ConnectionPool } from "./connection-pool.ts";
import type { ResponseBody } from "./response-body.ts";
import type { ResponseHeaders } from "./response-parser.ts";
import { StaleConnection } from "./stale-connection.ts";

/** A request on its way: what its sender holds of the exchange. */
export class Call implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly head: string;
  readonly payload: string | Uint8Array | undefined;
  readonly silence: Exchange["silence"];
  connection: Connection | undefined;
  /** Rejects with the signal's reason, a TransportError, or StaleConnection. */
  readonly response: Promise<TransportResponse>;
  readonly #resolve: (response: TransportResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onDone: () => void;
  #abort: (() => void) | undefined;
  #pool: ConnectionPool | undefined;

  constructor(
    method: string,
    path: string,
    head: string,
    payload: string | Uint8Array | undefined,
    signal: AbortSignal | undefined,
    onDone: () => void,
  ) {
    this.method = method;
    this.path = path;
    this.head = head;
    this.payload = payload;
    this.silence = /[?&]follow=(?:1|true)/.test(path) ? "whole" : /[?&]watch=(?:1|true)/.test(path) ? "body" : "none";
    this.#signal = signal;
    this.#onDone = onDone;
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    this.response = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(pool: ConnectionPool): void {
    this.#pool = pool;
    const signal = this.#signal;
    if (signal?.aborted) {
      this.onDone(signal.reason, false);
      return;
    }
    if (signal !== undefined) {
      this.#abort = () => this.cancel(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
      signal.addEventListener("abort", this.#abort, { once: true });
    }
    pool.start(this);
  }

  /** Ends it with an error, wherever it is. */
  cancel(error: Error): void {
    if (this.#pool?.withdraw(this)) this.onDone(error, false);
    else this.connection?.destroy(error);
  }

  onResponse(status: number, headers: ResponseHeaders, body: ResponseBody): void {
    this.#resolve(new HttpResponse(this.method, this.path, status, headers, body, this.#signal));
  }

  onDone(error: Error | undefined, stale: boolean): void {
    if (this.#abort !== undefined) this.#signal?.removeEventListener("abort", this.#abort);
    this.#onDone();
    if (error === undefined) return;
    const isStale = stale && this.#signal?.aborted !== true;
    this.#reject(isStale ? new StaleConnection(error) : transportFailure(this.method, this.path, error, this.#signal));
  }
}
