import type { ServerResponse } from "node:http";
import type { Clock } from "@podwright/client";
import { drained } from "./drained.ts";

/** What a client may be behind before it is let go: it comes back by itself and is told the newest state. */
const mostBuffered = 64 * 1024;
const pingEveryMs = 25_000;

/** Open streams of server-sent events: kept alive together, ended together. */
export class EventStreams {
  readonly #clock: Clock;
  readonly #open = new Set<EventStream>();
  readonly #limit: number;
  #ping: { cancel(): void } | undefined;

  constructor(clock: Clock, limit = 10_000) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#open.size;
  }

  get full(): boolean {
    return this.#open.size >= this.#limit;
  }

  /** Begins the answer; `onEnd` is called once, however the stream ends. */
  open(response: ServerResponse, onEnd: () => void): EventStream {
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    const stream = new EventStream(response);
    this.#open.add(stream);
    response.once("close", () => {
      this.#open.delete(stream);
      onEnd();
    });
    this.#ping ??= this.#clock.after(pingEveryMs, () => this.#pingAll(), { background: true });
    return stream;
  }

  /** Ends all of them; clients come back, to this service or another. */
  close(): void {
    this.#ping?.cancel();
    for (const stream of [...this.#open]) stream.end();
  }

  #pingAll(): void {
    this.#ping = undefined;
    for (const stream of [...this.#open]) stream.write(": ping\n\n");
    if (this.#open.size > 0) this.#ping = this.#clock.after(pingEveryMs, () => this.#pingAll(), { background: true });
  }
}

/** One of them. */
class EventStream {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** An event; `id` is what the client says when it comes back. */
  send(event: string, data: string, id?: string): void {
    const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
    this.write(`event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}${lines.join("")}\n`);
  }

  /** Lets the client go when it does not read. */
  write(text: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    if (this.#response.writableLength > mostBuffered) this.#response.destroy();
    else this.#response.write(text);
  }

  /** False when the client must read first; see {@link drained}. */
  get ready(): boolean {
    return !this.#response.writableNeedDrain;
  }

  /** Resolves when there is room again, or the stream is closed. */
  drained(): Promise<void> {
    return drained(this.#response);
  }

  end(): void {
    if (!this.#response.writableEnded) this.#response.end();
  }
}
