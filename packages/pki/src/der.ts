/** Writes ASN.1 values in DER (ITU-T X.690), as many kinds as certificates have. */
export const der = {
  sequence: (...parts: Buffer[]): Buffer => tagged(0x30, ...parts),
  set: (...parts: Buffer[]): Buffer => tagged(0x31, ...parts),
  boolean: (value: boolean): Buffer => tagged(0x01, Buffer.from([value ? 0xff : 0])),
  /** Big-endian, not negative. */
  integer(bytes: Buffer): Buffer {
    const first = bytes.findIndex((byte) => byte !== 0);
    const value = first < 0 ? Buffer.from([0]) : bytes.subarray(first);
    return tagged(0x02, (value[0] as number) & 0x80 ? Buffer.concat([Buffer.from([0]), value]) : value);
  },
  bitString: (bytes: Buffer, unusedBits = 0): Buffer => tagged(0x03, Buffer.from([unusedBits]), bytes),
  octetString: (bytes: Buffer): Buffer => tagged(0x04, bytes),
  utf8String: (text: string): Buffer => tagged(0x0c, Buffer.from(text)),
  /** "1.2.840.10045.4.3.2" */
  objectIdentifier(dotted: string): Buffer {
    const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
    return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
  },
  /** Whole seconds: UTCTime until 2049, GeneralizedTime from then on, as RFC 5280 wants it. */
  time(ms: number): Buffer {
    const text = `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
    return text < "2050" ? tagged(0x17, Buffer.from(text.slice(2))) : tagged(0x18, Buffer.from(text));
  },
  /** [n] around other values. */
  explicit: (tag: number, ...parts: Buffer[]): Buffer => tagged(0xa0 + tag, ...parts),
  /** [n] in the place of a value's own tag. */
  implicit: (tag: number, bytes: Buffer): Buffer => tagged(0x80 + tag, bytes),
};

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...parts]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 + (rest % 128));
  return bytes;
}
