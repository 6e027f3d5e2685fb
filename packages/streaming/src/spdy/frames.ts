/** The frames of SPDY/3.1 as bytes (draft-mbelshe-httpbis-spdy-00 with the session window of 3.1). */

export const frameType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const rstStatus = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5, internalError: 6 } as const;

/** The last frame of its sender on the stream. */
export const flagFin = 1;
export const initialWindowSetting = 7;

export type Frame =
  | { type: "data"; streamId: number; fin: boolean; payload: Buffer }
  | { type: "control"; kind: number; flags: number; payload: Buffer };

const headBytes = 8;
/** Clients send data in pieces of at most 32 KiB or so; the protocol would allow 16 MiB. */
const maxFrameBytes = 4 * 1024 * 1024;

/** Cuts a stream of bytes into frames. */
export class FrameParser {
  #buffered: Buffer[] = [];
  #length = 0;
  #needed = headBytes;

  push(chunk: Buffer): void {
    this.#buffered.push(chunk);
    this.#length += chunk.length;
  }

  /** The next frame, or undefined until more has come. Throws for what is no SPDY. */
  next(): Frame | undefined {
    if (this.#length < this.#needed) return undefined;
    const bytes = this.#buffered.length === 1 ? (this.#buffered[0] as Buffer) : Buffer.concat(this.#buffered);
    this.#buffered = [bytes];
    const size = bytes.readUInt32BE(4) & 0xffffff;
    if (size > maxFrameBytes) throw new Error(`SPDY: a frame of ${size} bytes is too long`);
    const end = headBytes + size;
    this.#needed = end;
    if (this.#length < end) return undefined;
    const payload = bytes.subarray(headBytes, end);
    this.#buffered = [bytes.subarray(end)];
    this.#length -= end;
    this.#needed = headBytes;
    const word = bytes.readUInt32BE(0);
    const flags = bytes[4] as number;
    if (word < 0x8000_0000) return { type: "data", streamId: word, fin: (flags & flagFin) !== 0, payload };
    const version = (word >>> 16) & 0x7fff;
    if (version !== 3) throw new Error(`SPDY: version ${version} is not spoken here`);
    return { type: "control", kind: word & 0xffff, flags, payload };
  }
}

export function controlFrame(kind: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE((0x8003_0000 | kind) >>> 0);
  head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
  return Buffer.concat([head, payload]);
}

/** The eight bytes before the data. */
export function dataHead(streamId: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(streamId);
  head.writeUInt32BE(((fin ? flagFin << 24 : 0) | length) >>> 0, 4);
  return head;
}

/** A control frame of 32-bit words alone: RST_STREAM, PING, GOAWAY, WINDOW_UPDATE. */
export function wordsFrame(kind: number, ...words: number[]): Buffer {
  const payload = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) payload.writeUInt32BE(word >>> 0, index * 4);
  return controlFrame(kind, 0, payload);
}
