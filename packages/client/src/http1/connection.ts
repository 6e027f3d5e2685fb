import type { Socket } from "node:net";
import { ResponseBody } from "./response-body.ts";
import { type ResponseHeaders, ResponseParser } from "./response-parser.ts";

/** One request, and who is told of its answer. */
export interface Exchange {
  /** The request line and the header fields, with the empty line behind them. */
  readonly head: string;
  readonly payload: string | Uint8Array | undefined;
  /** A stream's answer may be silent for as long as it likes: "body" once it has begun, "whole" also before. */
  readonly silence: "none" | "body" | "whole";
  /** Set while one carries it. */
  connection: Connection | undefined;
  onResponse(status: number, headers: ResponseHeaders, body: ResponseBody): void;
  /** The last that it is told of. `error` is undefined when the answer came whole; `stale` when the connection was closed before any of it came, and had been used before. */
  onDone(error: Error | undefined, stale: boolean): void;
}

export interface ConnectionOptions {
  open(): { socket: Socket; readyEvent: "connect" | "secureConnect" };
  connectTimeoutMs: number;
  responseTimeoutMs: number;
  /** How long it may stay open without an exchange. */
  idleTimeoutMs: number;
  /** Probes of TCP, so that a peer that went silently is noticed. */
  probe: boolean;
  onIdle(connection: Connection): void;
  onClose(connection: Connection): void;
}

/** What Go's client takes for a stale connection, by its error codes here. */
const staleCodes = new Set(["ECONNRESET", "EPIPE"]);

/** One connection, which carries one exchange at a time. */
export class Connection {
  /** Resolves when the socket is closed. */
  readonly closed: Promise<void>;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #parser: ResponseParser;
  #exchange: Exchange | undefined;
  #body: ResponseBody | undefined;
  #connected = false;
  #ended = false;
  #paused = false;
  #exchanges = 0;
  #answering = false;
  #deadline = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#parser = new ResponseParser({
      onHead: (status, headers) => this.#head(status, headers),
      onBody: (chunk) => this.#body?.push(chunk),
      onEnd: (reusable) => this.#responded(reusable),
    });
    const { socket, readyEvent } = options.open();
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.once(readyEvent, () => {
      this.#connected = true;
      if (options.probe) socket.setKeepAlive(true, 30_000);
      this.#write();
    });
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
    socket.on("end", () => {
      this.#ended = true;
      if (!this.#parser.end() || this.#exchange !== undefined) this.destroy(hangUp());
    });
    socket.on("error", (error) => this.#failed(error));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.once("close", () => {
      this.#failed(hangUp());
      clearTimeout(this.#timer);
      options.onClose(this);
      resolve();
    });
    this.#limit(options.connectTimeoutMs);
  }

  /** False when it is closed or about to be. */
  get usable(): boolean {
    return !this.#ended && !this.#socket.destroyed;
  }

  /** Begins an exchange; only when there is none. */
  start(exchange: Exchange): void {
    this.#exchange = exchange;
    exchange.connection = this;
    this.#answering = false;
    if (this.#exchanges++ > 0) this.#socket.ref();
    if (this.#connected) this.#write();
  }

  destroy(error?: Error): void {
    this.#failed(error ?? hangUp());
    this.#socket.destroy();
  }

  #write(): void {
    const { head, payload, silence } = this.#exchange as Exchange;
    if (silence === "whole") this.#deadline = Number.POSITIVE_INFINITY;
    else this.#limit(this.#options.responseTimeoutMs);
    // In one piece where it can be: each would be a TLS record and a system call of its own, here and at the server.
    if (payload === undefined) this.#socket.write(head);
    else if (typeof payload === "string") this.#socket.write(head + payload);
    else {
      this.#socket.cork();
      this.#socket.write(head);
      this.#socket.write(payload);
      this.#socket.uncork();
    }
  }

  #data(chunk: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.destroy();
      return;
    }
    this.#answering = true;
    if (exchange.silence === "none") this.#limit(this.#options.responseTimeoutMs);
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #head(status: number, headers: ResponseHeaders): void {
    const exchange = this.#exchange as Exchange;
    if (exchange.silence !== "none" && status < 400) this.#deadline = Number.POSITIVE_INFINITY;
    this.#body = new ResponseBody({
      pause: () => this.#pause(exchange, true),
      resume: () => this.#pause(exchange, false),
      abandon: () => {
        if (this.#exchange === exchange) this.destroy();
      },
    });
    exchange.onResponse(status, headers, this.#body);
  }

  // While nobody reads it is not the server who is late.
  #pause(exchange: Exchange, paused: boolean): void {
    if (this.#exchange !== exchange) return;
    this.#paused = paused;
    if (paused) {
      this.#deadline = Number.POSITIVE_INFINITY;
      this.#socket.pause();
    } else {
      if (exchange.silence === "none") this.#limit(this.#options.responseTimeoutMs);
      this.#socket.resume();
    }
  }

  #responded(reusable: boolean): void {
    const exchange = this.#take() as Exchange;
    this.#body?.end();
    this.#body = undefined;
    if (this.#paused) this.#socket.resume();
    this.#paused = false;
    exchange.onDone(undefined, false);
    // A server that answers before it has read everything may close at any time.
    if (!reusable || this.#ended || this.#socket.writableLength > 0) {
      this.destroy();
      return;
    }
    this.#limit(this.#options.idleTimeoutMs);
    this.#socket.unref();
    this.#options.onIdle(this);
  }

  #failed(error: Error): void {
    this.#ended = true;
    const exchange = this.#take();
    if (exchange === undefined) return;
    const body = this.#body;
    this.#body = undefined;
    const stale =
      this.#exchanges > 1 && !this.#answering && staleCodes.has((error as NodeJS.ErrnoException).code ?? "");
    exchange.onDone(error, stale);
    body?.fail(error);
  }

  #take(): Exchange | undefined {
    const exchange = this.#exchange;
    if (exchange !== undefined) exchange.connection = undefined;
    this.#exchange = undefined;
    return exchange;
  }

  // A timer is only set anew when it would be late: at most connections each request sets none.
  #limit(ms: number): void {
    this.#deadline = performance.now() + ms;
    if (this.#deadline >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#arm(ms);
  }

  #arm(ms: number): void {
    this.#timerAt = this.#deadline;
    this.#timer = setTimeout(() => this.#due(), ms);
    this.#timer.unref();
  }

  #due(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const leftMs = this.#deadline - performance.now();
    if (leftMs === Number.POSITIVE_INFINITY) return;
    if (leftMs > 0) {
      this.#arm(Math.ceil(leftMs));
      return;
    }
    const { connectTimeoutMs, responseTimeoutMs } = this.#options;
    if (this.#exchange === undefined) this.destroy();
    else if (!this.#connected) this.destroy(timeout(`no connection within ${connectTimeoutMs / 1000} s`));
    else if (this.#body === undefined) this.destroy(timeout(`no answer within ${responseTimeoutMs / 1000} s`));
    else this.destroy(timeout(`the answer stopped for ${responseTimeoutMs / 1000} s`));
  }
}

function hangUp(): Error {
  return Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" });
}

function timeout(what: string): Error {
  return Object.assign(new Error(what), { code: "ETIMEDOUT" });
}
