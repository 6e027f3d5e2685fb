import { crc32 } from "node:zlib";
import type { LogRecord, RecordHeader } from "./revision-log.ts";

// A record on the disk: CRC-32 of all that follows (4 bytes), length of the header (4), header (JSON), value.
const prefixBytes = 8;

type StoredHeader = Omit<RecordHeader, "revision">;

/** The bytes that are kept for a record under its revision. */
export function encodeRecord({ header, value }: LogRecord): Buffer {
  const { revision: _, ...stored } = header;
  const json = JSON.stringify(stored satisfies StoredHeader);
  const headerBytes = Buffer.byteLength(json);
  const record = Buffer.allocUnsafeSlow(prefixBytes + headerBytes + value.length);
  record.writeUInt32LE(headerBytes, 4);
  record.write(json, prefixBytes, "utf8");
  record.set(value, prefixBytes + headerBytes);
  record.writeUInt32LE(crc32(record.subarray(4)), 0);
  return record;
}

/** The header, or undefined when the bytes are not those that were written. */
export function decodeHeader(revision: number, record: Buffer): RecordHeader | undefined {
  if (record.length < prefixBytes || crc32(record.subarray(4)) !== record.readUInt32LE(0)) return undefined;
  const json = record.toString("utf8", prefixBytes, valueStart(record));
  return { revision, ...(JSON.parse(json) as StoredHeader) };
}

/** The value within a record that was checked once. */
export function decodeValue(record: Buffer): Buffer {
  return record.subarray(valueStart(record));
}

function valueStart(record: Buffer): number {
  return prefixBytes + record.readUInt32LE(4);
}
