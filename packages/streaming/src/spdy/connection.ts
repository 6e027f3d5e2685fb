import type { Duplex } from "node:stream";
import { DataSender, defaultWindow, settingsFrame } from "./data-sender.ts";
import { controlFrame, type Frame, FrameParser, flagFin, frameType, rstStatus, wordsFrame } from "./frames.ts";
import { HeaderDecoder, HeaderEncoder, type Headers } from "./headers.ts";
import { SpdyStream, type StreamCarrier } from "./stream.ts";

export interface SpdyOptions {
  /** Which side of the connection this is: clients open odd streams. */
  side: "client" | "server";
  /** The peer opens a stream. False refuses it: the stream is reset. Writing has to wait for the next turn. */
  onStream?: (stream: SpdyStream) => boolean;
  /** Streams that may be open at once; more are refused. Default 2,000. */
  maxStreams?: number;
  /** What came before on the connection. */
  head?: Buffer;
}

/** Received and not read, of all streams together; then the peer has to wait. Upstream's peers keep no windows. */
const maxUnreadBytes = 8 * 1024 * 1024;
/** How long a peer may take to read what it was sent before the end. */
const closeMs = 10_000;

/** A SPDY/3.1 connection over anything that carries bytes. */
export class SpdyConnection implements StreamCarrier {
  /** Resolves when nothing can come or go any more. */
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #options: SpdyOptions;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #opening = new Map<number, PromiseWithResolvers<SpdyStream>>();
  readonly #parser = new FrameParser();
  readonly #encoder = new HeaderEncoder();
  readonly #decoder = new HeaderDecoder();
  readonly #sender: DataSender;
  #nextId: number;
  #lastPeerId = 0;
  #pumping = false;
  #peerEnded = false;
  #gone = false;
  #closing = false;
  #unread = 0;
  #unacknowledged = 0;
  /**
   * Whether it waits for windows to be opened. Runtimes' servers (moby/spdystream) do not, and close with the process:
   * what they have not read by then takes away, by a reset, what we have not read yet.
   */
  #peerCounts: boolean;

  constructor(socket: Duplex, options: SpdyOptions) {
    this.#socket = socket;
    this.#sender = new DataSender(socket);
    this.#options = options;
    this.#peerCounts = options.side === "server";
    this.#nextId = options.side === "client" ? 1 : 2;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.once("close", () => {
      this.#gone = true;
      void this.#pump();
      resolve();
    });
    socket.on("error", () => socket.destroy());
    socket.on("end", () => {
      this.#peerEnded = true;
      void this.#pump();
    });
    socket.on("data", (chunk: Buffer) => {
      this.#parser.push(chunk);
      void this.#pump();
    });
    // Before any stream, so that a peer that keeps windows keeps them from the first byte.
    this.#send(settingsFrame());
    if (options.head !== undefined && options.head.length > 0) {
      this.#parser.push(options.head);
      void this.#pump();
    }
  }

  /** Opens a stream; resolves when the peer has taken it. Rejects when it refuses, or the connection ends. */
  open(headers: Headers): Promise<SpdyStream> {
    const opening = Promise.withResolvers<SpdyStream>();
    if (this.#closing || this.#socket.destroyed) {
      opening.reject(new Error("the connection is closed"));
      return opening.promise;
    }
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, new SpdyStream(id, headers, this, this.#sender.initialWindow));
    this.#opening.set(id, opening);
    const head = Buffer.alloc(10);
    head.writeUInt32BE(id);
    this.#send(controlFrame(frameType.synStream, 0, Buffer.concat([head, this.#encoder.encode(headers)])));
    return opening.promise;
  }

  /** Says goodbye after all that was sent, and ends the connection. */
  close(): void {
    if (this.#closing || this.#socket.destroyed) return;
    this.#send(wordsFrame(frameType.goAway, this.#lastPeerId, 0));
    this.#closing = true;
    this.#socket.end();
    // The peer's end is waited for: closing at once could take away what it has not read yet.
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), closeMs).unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  sendData(stream: SpdyStream, chunk: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.#closing) done();
    else this.#sender.send(stream, chunk, fin, done);
  }

  consumed(stream: SpdyStream): void {
    const read = stream.counted - stream.readableLength;
    if (read <= 0) return;
    stream.counted -= read;
    stream.unacknowledged += read;
    if (this.#peerCounts && stream.unacknowledged >= defaultWindow / 2) {
      this.#send(wordsFrame(frameType.windowUpdate, stream.id, stream.unacknowledged));
      stream.unacknowledged = 0;
    }
    this.#freed(read);
  }

  released(stream: SpdyStream, reset: boolean): void {
    this.#freed(stream.counted);
    stream.counted = 0;
    if (this.#streams.delete(stream.id) && reset)
      this.#send(wordsFrame(frameType.rstStream, stream.id, rstStatus.cancel));
  }

  /** Bytes that were held for readers are not any more. */
  #freed(bytes: number): void {
    this.#unread -= bytes;
    void this.#pump();
  }

  /** The window of the whole connection opens at once: each stream has its own, and none is to hold up the others. */
  #received(bytes: number): void {
    this.#unacknowledged += bytes;
    if (!this.#peerCounts || this.#unacknowledged < defaultWindow / 2) return;
    this.#send(wordsFrame(frameType.windowUpdate, 0, this.#unacknowledged));
    this.#unacknowledged = 0;
  }

  #send(frame: Buffer): void {
    if (!this.#closing && !this.#socket.destroyed && this.#socket.writable) this.#socket.write(frame);
  }

  /** Takes the frames that have come, as far as there is room. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      // The last frames count, however full it is.
      while (this.#gone || this.#unread < maxUnreadBytes) {
        const frame = this.#parser.next();
        if (frame === undefined) {
          if (this.#gone) this.#over();
          else if (this.#peerEnded) this.#socket.destroy();
          break;
        }
        const pending = this.#take(frame);
        if (pending !== undefined) await pending;
      }
    } catch {
      this.#send(wordsFrame(frameType.goAway, this.#lastPeerId, 1));
      this.#socket.destroy();
      this.#over();
    }
    this.#pumping = false;
    if (this.#unread >= maxUnreadBytes) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #take(frame: Frame): Promise<void> | undefined {
    if (frame.type === "data") {
      this.#takeData(frame.streamId, frame.payload, frame.fin);
      return undefined;
    }
    const { kind, flags, payload } = frame;
    switch (kind) {
      case frameType.synStream:
        return this.#takeStream(payload, (flags & flagFin) !== 0);
      case frameType.synReply:
        return this.#takeReply(payload, (flags & flagFin) !== 0);
      case frameType.headers:
        // Part of the compressed stream, though nothing in it matters here.
        return this.#decoder.decode(payload.subarray(4)).then(() => undefined);
      case frameType.rstStream:
        this.#takeReset(payload.readUInt32BE(0), payload.readUInt32BE(4));
        return undefined;
      case frameType.settings:
        this.#peerCounts = true;
        this.#sender.takeSettings(payload, this.#streams.values());
        return undefined;
      case frameType.ping:
        // The answer has the asker's number: odd ones are the client's.
        if ((payload.readUInt32BE(0) % 2 === 1) === (this.#options.side === "server")) {
          this.#send(wordsFrame(frameType.ping, payload.readUInt32BE(0)));
        }
        return undefined;
      case frameType.goAway:
        for (const [id, { reject }] of this.#opening) {
          this.#opening.delete(id);
          reject(new Error("the peer takes no more streams"));
        }
        return undefined;
      case frameType.windowUpdate:
        this.#sender.takeWindow(payload, this.#streams);
        return undefined;
      default:
        return undefined;
    }
  }

  #takeData(id: number, chunk: Buffer, fin: boolean): void {
    const stream = this.#streams.get(id);
    this.#received(chunk.length);
    // Else sent before the peer knew that the stream is over.
    if (stream === undefined || stream.destroyed || stream.readableEnded) return;
    this.#unread += chunk.length;
    stream.counted += chunk.length;
    stream.receive(chunk, fin);
  }

  async #takeStream(payload: Buffer, fin: boolean): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fff_ffff;
    const headers = await this.#decoder.decode(payload.subarray(10));
    const { side, onStream, maxStreams = 2000 } = this.#options;
    if ((id % 2 === 1) !== (side === "server") || id <= this.#lastPeerId)
      throw new Error("SPDY: a wrong stream number");
    this.#lastPeerId = id;
    const stream = new SpdyStream(id, headers, this, this.#sender.initialWindow);
    const taken = this.#streams.size < maxStreams && !this.#closing && onStream?.(stream) === true;
    if (!taken) {
      this.#send(wordsFrame(frameType.rstStream, id, rstStatus.refusedStream));
      return;
    }
    this.#streams.set(id, stream);
    this.#send(controlFrame(frameType.synReply, 0, Buffer.concat([wordOf(id), this.#encoder.encode({})])));
    if (fin) stream.receive(Buffer.alloc(0), true);
  }

  async #takeReply(payload: Buffer, fin: boolean): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fff_ffff;
    await this.#decoder.decode(payload.subarray(4));
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#opening.get(id)?.resolve(stream);
    this.#opening.delete(id);
    if (fin) stream.receive(Buffer.alloc(0), true);
  }

  #takeReset(id: number, code: number): void {
    this.#opening.get(id)?.reject(new Error(`the peer refused the stream (status ${code})`));
    this.#opening.delete(id);
    this.#streams.get(id)?.receiveReset();
    this.#streams.delete(id);
  }

  #over(): void {
    const error = new Error("the connection was closed");
    for (const { reject } of this.#opening.values()) reject(error);
    this.#opening.clear();
    for (const stream of [...this.#streams.values()]) stream.receiveReset();
    this.#streams.clear();
    this.#decoder.close();
  }
}

function wordOf(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
