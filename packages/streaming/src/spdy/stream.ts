import { Duplex } from "node:stream";
import type { Headers } from "./headers.ts";

/** What a stream needs of its connection. */
export interface StreamCarrier {
  /** Calls back when the bytes are on their way and more may be written. */
  sendData(stream: SpdyStream, chunk: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  /** Somebody has read from the stream. */
  consumed(stream: SpdyStream): void;
  /** It is over; `reset` when the peer does not know yet. */
  released(stream: SpdyStream, reset: boolean): void;
}

const bufferBytes = 64 * 1024;

/** One stream of a SPDY connection. Destroying it before both sides have ended resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  /** Those it was opened with, by whichever side. */
  readonly headers: Headers;
  /** What may still be sent, where the peer counts. */
  sendWindow: number;
  /** Received and not yet acknowledged to the peer. */
  unacknowledged = 0;
  /** What was counted of it for the connection's limit. */
  counted = 0;
  /** Bytes that wait for the peer's window. */
  waiting: { chunk: Buffer; fin: boolean; done: (error?: Error | null) => void } | undefined;
  readonly #carrier: StreamCarrier;
  #wasReset = false;

  constructor(id: number, headers: Headers, carrier: StreamCarrier, sendWindow: number) {
    super({ allowHalfOpen: true, readableHighWaterMark: bufferBytes, writableHighWaterMark: bufferBytes });
    this.id = id;
    this.headers = headers;
    this.sendWindow = sendWindow;
    this.#carrier = carrier;
    this.on("error", () => {});
  }

  /** From the peer. */
  receive(chunk: Buffer, fin: boolean): void {
    if (this.readableEnded || this.destroyed) return;
    if (chunk.length > 0) this.push(chunk);
    // Where somebody listens it is read by now.
    this.#carrier.consumed(this);
    if (fin) this.push(null);
  }

  /** The peer ended it in both directions. What came before can still be read. */
  receiveReset(): void {
    this.#wasReset = true;
    if (this.destroyed) return;
    this.waiting?.done(null);
    this.waiting = undefined;
    this.push(null);
    this.end();
  }

  override read(size?: number): unknown {
    const chunk = super.read(size);
    if (chunk !== null) this.#carrier.consumed(this);
    return chunk;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#wasReset) done();
    else this.#carrier.sendData(this, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#wasReset) done();
    else this.#carrier.sendData(this, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const open = !this.readableEnded || !this.writableFinished;
    this.waiting?.done(error);
    this.waiting = undefined;
    this.#carrier.released(this, open && !this.#wasReset);
    done(error);
  }
}
