import type { Duplex } from "node:stream";
import { controlFrame, dataHead, frameType, initialWindowSetting } from "./frames.ts";
import type { SpdyStream } from "./stream.ts";

/** What may be on its way on a stream, and on all together, at the beginning. */
export const defaultWindow = 64 * 1024;
const maxDataBytes = 32 * 1024;

/**
 * Sends data within the peer's windows. Upstream's peers (moby/spdystream) have none, so they count from the moment
 * the peer shows that it keeps them.
 */
export class DataSender {
  /** Of new streams. */
  initialWindow = defaultWindow;
  readonly #socket: Duplex;
  #peerCounts = false;
  #sessionWindow = defaultWindow;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Calls back when all is on its way and more may be written. */
  send(stream: SpdyStream, chunk: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || !this.#socket.writable) {
      done();
      return;
    }
    const room = this.#peerCounts ? Math.min(stream.sendWindow, this.#sessionWindow) : maxDataBytes;
    if (chunk.length > 0 && room <= 0) {
      stream.waiting = { chunk, fin, done };
      return;
    }
    const part = chunk.subarray(0, Math.min(room, maxDataBytes));
    const rest = chunk.subarray(part.length);
    const last = rest.length === 0;
    stream.sendWindow -= part.length;
    this.#sessionWindow -= part.length;
    const next = (error?: Error | null): void => {
      if (last || error) done();
      else this.send(stream, rest, fin, done);
    };
    const head = dataHead(stream.id, part.length, fin && last);
    if (part.length === 0) {
      this.#socket.write(head, next);
      return;
    }
    this.#socket.cork();
    this.#socket.write(head);
    this.#socket.write(part, next);
    this.#socket.uncork();
  }

  takeSettings(payload: Buffer, streams: Iterable<SpdyStream>): void {
    const all = [...streams];
    for (let offset = 4; offset + 8 <= payload.length; offset += 8) {
      if ((payload.readUInt32BE(offset) & 0xff_ffff) !== initialWindowSetting) continue;
      const wanted = payload.readUInt32BE(offset + 4);
      for (const stream of all) stream.sendWindow += wanted - this.initialWindow;
      this.initialWindow = wanted;
      this.#peerCounts = true;
    }
    this.#sendWaiting(all);
  }

  takeWindow(payload: Buffer, streams: ReadonlyMap<number, SpdyStream>): void {
    const id = payload.readUInt32BE(0) & 0x7fff_ffff;
    const delta = payload.readUInt32BE(4) & 0x7fff_ffff;
    this.#peerCounts = true;
    const stream = streams.get(id);
    if (id === 0) this.#sessionWindow += delta;
    else if (stream !== undefined) stream.sendWindow += delta;
    this.#sendWaiting(streams.values());
  }

  #sendWaiting(streams: Iterable<SpdyStream>): void {
    for (const stream of streams) {
      const { waiting } = stream;
      if (waiting === undefined || Math.min(stream.sendWindow, this.#sessionWindow) <= 0) continue;
      stream.waiting = undefined;
      this.send(stream, waiting.chunk, waiting.fin, waiting.done);
    }
  }
}

/** Says which window streams begin with. */
export function settingsFrame(): Buffer {
  const payload = Buffer.alloc(12);
  payload.writeUInt32BE(1);
  payload.writeUInt32BE(initialWindowSetting, 4);
  payload.writeUInt32BE(defaultWindow, 8);
  return controlFrame(frameType.settings, 0, payload);
}
