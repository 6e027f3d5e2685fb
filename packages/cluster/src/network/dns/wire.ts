/**
 * As much of the DNS message format (RFC 1035) as handing on answers needs that are not ours: they go through as
 * they came, with record types that no library knows.
 */

export const headerBytes = 12;
const optType = 41;
const soaType = 6;

export interface WireQuestion {
  /** In lower case, without the last dot. */
  name: string;
  type: number;
  class: number;
  /** Where the question ends. */
  end: number;
}

export interface WireRecord {
  type: number;
  ttl: number;
  ttlOffset: number;
  section: "answer" | "authority" | "additional";
  dataOffset: number;
  dataLength: number;
}

/** The one question of a message. Throws RangeError when the message is not well formed. */
export function questionOf(message: Buffer): WireQuestion {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) throw new RangeError("not one question");
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = message.readUInt8(at++);
    if (length === 0) break;
    if (length > 63 || at + length > message.length) throw new RangeError("bad label");
    labels.push(message.toString("latin1", at, at + length).toLowerCase());
    at += length;
  }
  return { name: labels.join("."), type: message.readUInt16BE(at), class: message.readUInt16BE(at + 2), end: at + 4 };
}

/** The records behind the question. Throws RangeError when the message is not well formed. */
export function recordsOf(message: Buffer): WireRecord[] {
  const counts = [message.readUInt16BE(6), message.readUInt16BE(8), message.readUInt16BE(10)] as const;
  const sections = ["answer", "authority", "additional"] as const;
  const records: WireRecord[] = [];
  let at = questionOf(message).end;
  for (const [number, section] of sections.entries()) {
    for (let left = counts[number] ?? 0; left > 0; left--) {
      at = skipName(message, at);
      const dataLength = message.readUInt16BE(at + 8);
      const dataOffset = at + 10;
      if (dataOffset + dataLength > message.length) throw new RangeError("bad record");
      records.push({
        type: message.readUInt16BE(at),
        ttl: message.readUInt32BE(at + 4),
        ttlOffset: at + 4,
        section,
        dataOffset,
        dataLength,
      });
      at = dataOffset + dataLength;
    }
  }
  return records;
}

function skipName(message: Buffer, offset: number): number {
  let at = offset;
  for (;;) {
    const length = message.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= 192) return at + 2;
    if (length > 63) throw new RangeError("bad label");
    at += length + 1;
  }
}

/** For how many seconds an answer may be kept; 0: not at all. Negative ones by their SOA (RFC 2308). */
export function keepSeconds(message: Buffer, records: readonly WireRecord[]): number {
  const truncated = (message.readUInt8(2) & 2) !== 0;
  const code = message.readUInt8(3) & 15;
  if (truncated || (code !== 0 && code !== 3)) return 0;
  const answers = records.filter(({ section }) => section === "answer");
  if (code === 0 && answers.length > 0) return Math.min(...answers.map(({ ttl }) => ttl));
  const soa = records.find(({ section, type }) => section === "authority" && type === soaType);
  if (soa === undefined || soa.dataLength < 20) return 0;
  return Math.min(soa.ttl, message.readUInt32BE(soa.dataOffset + soa.dataLength - 4));
}

/** The kept answer for somebody who asks later: with his id and spelling of the name, and what is left to live. */
export function answerAgain(kept: Buffer, records: readonly WireRecord[], query: Buffer, ageSeconds: number): Buffer {
  const answer = Buffer.from(kept);
  query.copy(answer, 0, 0, 2);
  query.copy(answer, headerBytes, headerBytes, questionOf(query).end);
  for (const { type, ttl, ttlOffset } of records) {
    if (type !== optType) answer.writeUInt32BE(Math.max(0, ttl - ageSeconds), ttlOffset);
  }
  return answer;
}

/** The bare beginning of an answer that is too long for its way: the client asks again over TCP. */
export function truncated(answer: Buffer): Buffer {
  const short = Buffer.from(answer.subarray(0, questionOf(answer).end));
  short.writeUInt8(short.readUInt8(2) | 2, 2);
  short.fill(0, 6, headerBytes);
  return short;
}

/** The query answered with a code alone, e.g. 2 for SERVFAIL. */
export function refusal(query: Buffer, code: number): Buffer {
  let end = headerBytes;
  try {
    end = questionOf(query).end;
  } catch {
    // Then without the question.
  }
  const answer = Buffer.from(query.subarray(0, end));
  // An answer; of the question's bits opcode and "recursion desired" stay.
  answer.writeUInt8((query.readUInt8(2) & 0b0111_1001) | 0x80, 2);
  answer.writeUInt8(0x80 | code, 3);
  answer.fill(0, 4, headerBytes);
  if (end > headerBytes) answer.writeUInt16BE(1, 4);
  return answer;
}

/** Whether it is the answer to that query and not to another. */
export function answers(message: Buffer, query: Buffer): boolean {
  try {
    if (message.readUInt16BE(0) !== query.readUInt16BE(0) || (message.readUInt8(2) & 0x80) === 0) return false;
    const [asked, told] = [questionOf(query), questionOf(message)];
    return asked.name === told.name && asked.type === told.type && asked.class === told.class;
  } catch {
    return false;
  }
}
