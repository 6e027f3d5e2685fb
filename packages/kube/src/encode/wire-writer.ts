/**
 * Writes protobuf from the end to the beginning, as upstream's generated code does: a message's length is known when
 * it comes to be written, so nothing is moved or measured twice. The buffer grows as needed.
 */
export class WireWriter {
  #buffer: Buffer;
  /** Where what is written begins. */
  #start: number;

  /** @param bytes the buffer's first size */
  constructor(bytes = 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.#start = bytes;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  /** All that was written, which is the writer's own until it is thrown away. */
  written(): Buffer {
    return this.#buffer.subarray(this.#start);
  }

  /** Begins anew, also after a value that could not be written. */
  begin(): this {
    this.#start = this.#buffer.length;
    return this;
  }

  /** A copy of all that was written. The buffer is kept for what is written next, unless it became large. */
  take(): Buffer {
    const written = this.written();
    if (this.#buffer.length <= mostKeptBytes) return Buffer.from(written);
    this.#buffer = Buffer.allocUnsafeSlow(mostKeptBytes);
    this.#start = this.#buffer.length;
    return written;
  }

  /** A number of field and wire type, or a length: 0 to 2^31. */
  varint(value: number): void {
    if (value < 0x80) {
      if (this.#start < 1) this.#grow(1);
      this.#buffer[--this.#start] = value;
      return;
    }
    if (this.#start < 5) this.#grow(5);
    const size = value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
    let at = this.#start - size;
    this.#start = at;
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[at] = rest;
  }

  /** An integer of up to 64 bits; negative ones take ten bytes. */
  integer(value: number | bigint): void {
    if (typeof value === "number" && value >= 0 && value <= 0x7fffffff) {
      this.varint(value);
      return;
    }
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 0x7fn) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.bytes(bytes);
  }

  double(value: number): void {
    if (this.#start < 8) this.#grow(8);
    this.#start -= 8;
    this.#buffer.writeDoubleLE(value, this.#start);
  }

  float(value: number): void {
    if (this.#start < 4) this.#grow(4);
    this.#start -= 4;
    this.#buffer.writeFloatLE(value, this.#start);
  }

  bytes(bytes: Uint8Array | readonly number[]): void {
    const { length } = bytes;
    if (this.#start < length) this.#grow(length);
    this.#start -= length;
    if (length > shortText) this.#buffer.set(bytes, this.#start);
    else for (let i = 0; i < length; i++) this.#buffer[this.#start + i] = bytes[i] as number;
  }

  /** Text with its length before it. */
  string(text: string): void {
    const length = text.length;
    if (length < shortText) {
      if (this.#start < length) this.#grow(length);
      const at = this.#start - length;
      const buffer = this.#buffer;
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        buffer[at + i] = code;
      }
      if (i === length) {
        this.#start = at;
        this.varint(length);
        return;
      }
    }
    this.#encoded(text, Buffer.byteLength(text), "utf8");
  }

  /** The bytes that base64 stands for, with their length before them. */
  base64(text: string): void {
    this.#encoded(text, Buffer.byteLength(text, "base64"), "base64");
  }

  #encoded(text: string, length: number, encoding: "utf8" | "base64"): void {
    if (this.#start < length) this.#grow(length);
    this.#start -= length;
    this.#buffer.write(text, this.#start, length, encoding);
    this.varint(length);
  }

  #grow(needed: number): void {
    const written = this.written();
    const buffer = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, written.length + needed));
    const start = buffer.length - written.length;
    buffer.set(written, start);
    this.#buffer = buffer;
    this.#start = start;
  }
}

const mostKeptBytes = 64 * 1024;
/** Up to here a loop over the characters, or bytes, is faster than the engine's own copying. */
const shortText = 24;
