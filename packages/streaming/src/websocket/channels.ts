import { Readable, Writable } from "node:stream";
import type { RawData, WebSocket } from "ws";

/** How messages carry channels: the number in front as a byte, or as a digit before base64. */
export type ChannelCodec = "binary" | "base64";

/** The number of v5.channel.k8s.io that says another channel has ended. */
const closeChannel = 255;
const bufferBytes = 64 * 1024;
/** What waits for the readers of channels; then the client has to wait. */
const maxUnreadBytes = 1024 * 1024;
const closeMs = 5000;

/** Streams over one WebSocket, each message beginning with the number of its channel. */
export class WebSocketChannels {
  /** Resolves when the client is gone. */
  readonly closed: Promise<void>;
  readonly #webSocket: WebSocket;
  readonly #codec: ChannelCodec;
  readonly #closeSignal: boolean;
  readonly #inputs = new Map<number, Readable>();

  constructor(webSocket: WebSocket, options: { codec: ChannelCodec; closeSignal: boolean }) {
    this.#webSocket = webSocket;
    this.#codec = options.codec;
    this.#closeSignal = options.closeSignal;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    webSocket.on("message", (data) => this.#receive(data));
    webSocket.on("close", () => {
      for (const input of this.#inputs.values()) input.push(null);
      this.#inputs.clear();
      resolve();
    });
  }

  /** What the client sends on a channel. Messages on channels that nobody reads are dropped. */
  input(channel: number): Readable {
    const input = new Readable({ highWaterMark: bufferBytes, read: () => this.#flow() });
    this.#inputs.set(channel, input);
    return input;
  }

  /** Writes messages on a channel, one at a time. Its end is not sent: a WebSocket has no word for it. */
  output(channel: number): Writable {
    return new Writable({
      highWaterMark: bufferBytes,
      write: (chunk: Buffer, _encoding, done) => this.#send(channel, chunk, done),
    });
  }

  /** An empty message, by which clients see that they are connected. */
  announce(channel: number): void {
    this.#send(channel, Buffer.alloc(0), () => {});
  }

  /** Closes after all that was written; a client that does not answer is cut off. */
  close(): void {
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) return;
    this.#webSocket.resume();
    this.#webSocket.close(1000);
    const timer = setTimeout(() => this.#webSocket.terminate(), closeMs).unref();
    void this.closed.then(() => clearTimeout(timer));
  }

  #send(channel: number, chunk: Buffer, done: (error?: Error | null) => void): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) {
      done(new Error("the client is gone"));
      return;
    }
    const sent = (error?: Error | null): void => done(error ?? null);
    if (this.#codec === "base64") {
      this.#webSocket.send(String.fromCharCode(48 + channel) + chunk.toString("base64"), { binary: false }, sent);
      return;
    }
    const message = Buffer.allocUnsafe(chunk.length + 1);
    message[0] = channel;
    chunk.copy(message, 1);
    this.#webSocket.send(message, { binary: true }, sent);
  }

  #receive(data: RawData): void {
    const message = data as Buffer;
    if (message.length === 0) return;
    const first = message[0] as number;
    if (this.#closeSignal && first === closeChannel) {
      if (message.length !== 2) this.#webSocket.terminate();
      else this.#end(message[1] as number);
      return;
    }
    const channel = this.#codec === "base64" ? first - 48 : first;
    const input = this.#inputs.get(channel);
    if (input === undefined || message.length === 1) return;
    const chunk = this.#codec === "base64" ? Buffer.from(message.toString("latin1", 1), "base64") : message.subarray(1);
    if (!input.push(chunk)) this.#flow();
  }

  #end(channel: number): void {
    this.#inputs.get(channel)?.push(null);
    this.#inputs.delete(channel);
  }

  /** Pings come the same way as data, so the client is held up only when there is no room at all. */
  #flow(): void {
    let unread = 0;
    for (const input of this.#inputs.values()) unread += input.readableLength;
    if (unread >= maxUnreadBytes) this.#webSocket.pause();
    else if (this.#webSocket.isPaused) this.#webSocket.resume();
  }
}
