import { crc32 } from "node:zlib";

// On the disk: CRC-32 of all that follows (4 bytes), length of the header (4), header (JSON), value.
const prefixBytes = 8;

/** The bytes that are kept for a header, any JSON, and a value. */
export function encodeRecord(header: object, value: Buffer): Buffer {
  const json = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(json);
  const record = Buffer.allocUnsafeSlow(prefixBytes + headerBytes + value.length);
  record.writeUInt32LE(headerBytes, 4);
  record.write(json, prefixBytes, "utf8");
  record.set(value, prefixBytes + headerBytes);
  record.writeUInt32LE(crc32(record.subarray(4)), 0);
  return record;
}

/** The header, or undefined when the bytes are not those that were written. */
export function decodeHeader(record: Buffer): unknown {
  return isWhole(record) ? JSON.parse(record.toString("utf8", prefixBytes, valueStart(record))) : undefined;
}

/** The value, which shares the record's memory; undefined when the bytes are not those that were written. */
export function decodeValue(record: Buffer): Buffer | undefined {
  return isWhole(record) ? record.subarray(valueStart(record)) : undefined;
}

function isWhole(record: Buffer): boolean {
  return record.length >= prefixBytes && crc32(record.subarray(4)) === record.readUInt32LE(0);
}

function valueStart(record: Buffer): number {
  return prefixBytes + record.readUInt32LE(4);
}
