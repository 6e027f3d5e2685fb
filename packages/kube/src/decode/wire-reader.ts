/** Protobuf bytes that are cut short or make no sense. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WireError";
  }
}

/** Reads protobuf's wire format from a part of a buffer. Every read checks the end. */
export class WireReader {
  readonly #bytes: Buffer;
  #position: number;
  #end: number;
  /** The number and wire type of the field that {@link next} found. */
  field = 0;
  /** How the field is written: 0 a varint, 1 eight bytes, 2 a length and bytes, 5 four bytes. */
  wireType = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = end;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    const tag = this.uint32();
    this.field = tag >>> 3;
    this.wireType = tag & 7;
    if (this.field === 0) throw new WireError("proto: illegal tag 0");
    return true;
  }

  /** Goes into the message that comes now, so that its end is the end; gives what {@link leave} takes. */
  enter(): number {
    const length = this.#length();
    const outerEnd = this.#end;
    this.#end = this.#position + length;
    return outerEnd;
  }

  /** Goes out of a message, past what was not read of it. */
  leave(outerEnd: number): void {
    this.#position = this.#end;
    this.#end = outerEnd;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  get position(): number {
    return this.#position;
  }

  /** The contents of all fields of a number that the message has from `start` on, one after the other. */
  joined(start: number, number: number): Buffer {
    const parts: Buffer[] = [];
    for (const reader = new WireReader(this.#bytes, start, this.#end); reader.next(); ) {
      if (reader.field === number && reader.wireType === 2) parts.push(reader.bytes());
      else reader.skip(reader.wireType);
    }
    return Buffer.concat(parts);
  }

  string(): string {
    const length = this.#length();
    const start = this.#position;
    this.#position += length;
    return length <= longestPooled ? this.#pooled(start, length) : this.#bytes.toString("utf8", start, this.#position);
  }

  #pooled(start: number, length: number): string {
    const bytes = this.#bytes;
    const end = start + length;
    let hash = length;
    let all = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      hash = (Math.imul(hash, 31) + byte) | 0;
      all |= byte;
    }
    if (all > 0x7f) return bytes.toString("utf8", start, end);
    const slot = (hash ^ (hash >>> 15)) & (pool.length - 1);
    const pooled = pool[slot] as string;
    if (pooled.length === length) {
      let i = 0;
      while (i < length && pooled.charCodeAt(i) === bytes[start + i]) i++;
      if (i === length) return pooled;
    }
    const text = bytes.toString("latin1", start, end);
    pool[slot] = text;
    return text;
  }

  bytes(): Buffer {
    const length = this.#length();
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  /** The low 32 bits of a varint. */
  uint32(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new WireError("proto: integer overflow");
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.uint64() !== 0;
  }

  /** A bigint where a double cannot hold it. */
  int64(): number | bigint {
    return this.#varint(true);
  }

  uint64(): number | bigint {
    return this.#varint(false);
  }

  double(): number {
    this.#need(8);
    this.#position += 8;
    return this.#bytes.readDoubleLE(this.#position - 8);
  }

  float(): number {
    this.#need(4);
    this.#position += 4;
    return this.#bytes.readFloatLE(this.#position - 4);
  }

  /** Passes over the value of a field that nobody knows. */
  skip(wireType: number, depth = 0): void {
    switch (wireType) {
      case 0:
        this.uint64();
        return;
      case 1:
        this.#need(8);
        this.#position += 8;
        return;
      case 2:
        this.bytes();
        return;
      case 3:
        if (depth > maxGroupDepth) throw new WireError("proto: groups are nested too deeply");
        for (;;) {
          if (!this.next()) throw unexpectedEnd();
          if (this.wireType === 4) return;
          this.skip(this.wireType, depth + 1);
        }
      case 5:
        this.#need(4);
        this.#position += 4;
        return;
      default:
        throw new WireError(`proto: illegal wireType ${wireType}`);
    }
  }

  #varint(signed: boolean): number | bigint {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else if (shift < 64) high |= bits << (shift - 32);
      if (byte >= 0x80) continue;
      if (signed ? high >= -0x200000 && high < 0x200000 : high >= 0 && high < 0x200000) {
        return high * 0x100000000 + (low >>> 0);
      }
      const value = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
      return signed ? BigInt.asIntN(64, value) : value;
    }
    throw new WireError("proto: integer overflow");
  }

  #byte(): number {
    if (this.#position >= this.#end) throw unexpectedEnd();
    return this.#bytes[this.#position++] as number;
  }

  #length(): number {
    const length = this.uint64();
    if (typeof length === "bigint" || length > this.#end - this.#position) throw unexpectedEnd();
    return length;
  }

  #need(count: number): void {
    if (this.#end - this.#position < count) throw unexpectedEnd();
  }
}

const maxGroupDepth = 100;

/** Texts that were read last, by their hash: an object's are mostly those of the one before, and need not be there twice. */
const pool: string[] = new Array(2048).fill("");
const longestPooled = 64;

function unexpectedEnd(): WireError {
  return new WireError("unexpected EOF");
}
