/** The compressed name/value blocks of SPDY/3 (section 2.6.10). A connection has one stream of compression each way. */
import { createInflate, type Inflate } from "node:zlib";
import { headerDictionary } from "./dictionary.ts";

/** Lower-case names. Several values of a name are joined by NUL. */
export type Headers = Readonly<Record<string, string>>;

/** More than the headers of streams ever need; ends a bomb early. */
const maxHeaderBytes = 64 * 1024;
const maxStoredBytes = 0xffff;

/**
 * Encodes blocks without compressing them: the few short headers of a stream are not worth the dictionary, and stored
 * blocks of deflate need no state.
 */
export class HeaderEncoder {
  #started = false;

  encode(headers: Headers): Buffer {
    const chunks = [uint32(Object.keys(headers).length)];
    for (const [name, value] of Object.entries(headers)) {
      for (const text of [Buffer.from(name), Buffer.from(value)]) chunks.push(uint32(text.length), text);
    }
    const block = Buffer.concat(chunks);
    if (block.length > maxStoredBytes) throw new Error("SPDY: the headers of a stream are too long");
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(block.length, 1);
    stored.writeUInt16LE(~block.length & 0xffff, 3);
    const head = this.#started ? Buffer.alloc(0) : zlibHead();
    this.#started = true;
    return Buffer.concat([head, stored, block, flushMark]);
  }
}

/** An empty block. Go's decompressor keeps what came before back until it sees one. */
const flushMark = Buffer.from([0, 0, 0, 0xff, 0xff]);

/** Compression by deflate with the preset dictionary (RFC 1950). */
function zlibHead(): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(0x78bb);
  head.writeUInt32BE(adler32(headerDictionary()), 2);
  return head;
}

function adler32(bytes: Buffer): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return ((b << 16) | a) >>> 0;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Decodes blocks in the order they came in, one at a time. */
export class HeaderDecoder {
  #inflate: Inflate | undefined;
  #out: Buffer[] = [];
  #length = 0;

  /** Rejects for what is no block, or one that is too long. */
  async decode(block: Buffer): Promise<Headers> {
    this.#inflate ??= this.#start();
    const inflate = this.#inflate;
    this.#out = [];
    this.#length = 0;
    await new Promise<void>((resolve, reject) => {
      inflate.once("error", reject);
      inflate.write(block, () => {
        inflate.off("error", reject);
        resolve();
      });
    });
    return parse(Buffer.concat(this.#out));
  }

  close(): void {
    this.#inflate?.destroy();
  }

  #start(): Inflate {
    const inflate = createInflate({ dictionary: headerDictionary() });
    inflate.on("error", () => {});
    inflate.on("data", (chunk: Buffer) => {
      this.#length += chunk.length;
      if (this.#length > maxHeaderBytes) inflate.destroy(new Error("SPDY: the headers of a stream are too long"));
      else this.#out.push(chunk);
    });
    return inflate;
  }
}

function parse(block: Buffer): Headers {
  const headers: Record<string, string> = {};
  let offset = 4;
  const text = (): string => {
    const length = block.readUInt32BE(offset);
    const end = offset + 4 + length;
    if (end > block.length) throw new Error("SPDY: broken header block");
    const value = block.toString("utf8", offset + 4, end);
    offset = end;
    return value;
  };
  for (let left = block.readUInt32BE(0); left > 0; left--) {
    const name = text();
    headers[name] = text();
  }
  return headers;
}
