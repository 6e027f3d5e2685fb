/**
 * Answers of ours as DNS messages (RFC 1035), names written once: so that a headless Service of thirty pods still
 * fits into a UDP answer.
 */
import type { SoaData, ZoneRecord } from "./cluster-zone.ts";
import { headerBytes } from "./wire.ts";

export type OwnedRecord = ZoneRecord & { name: string; ttl: number };

export interface OwnMessage {
  /** The query's, with its question. */
  query: Buffer;
  questionEnd: number;
  /** 0: NOERROR, 3: NXDOMAIN, … */
  code: number;
  authoritative: boolean;
  answers: readonly OwnedRecord[];
  authorities: readonly OwnedRecord[];
  additionals: readonly OwnedRecord[];
  /** The client spoke EDNS, and so do we. */
  edns: boolean;
  /** The most bytes the client takes. */
  limit: number;
}

const typeNumbers = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, TXT: 16, AAAA: 28, SRV: 33 };
const optBytes = 11;
/** What we take over UDP, as CoreDNS and the DNS flag day have it. */
export const udpPayloadBytes = 1232;

/** The message; with the truncation bit, and what fits, where it is longer than the client takes. */
export function encodeMessage(message: OwnMessage): Buffer {
  const { query, questionEnd, code, authoritative, edns, limit } = message;
  const writer = new MessageWriter(query.subarray(0, questionEnd));
  const room = limit - (edns ? optBytes : 0);
  let isTruncated = false;
  const counts = [message.answers, message.authorities, message.additionals].map((records, section) => {
    let written = 0;
    for (const record of records) {
      if (isTruncated || !writer.record(record, room)) {
        // Additional records are a courtesy: without them the answer is whole.
        isTruncated ||= section < 2;
        break;
      }
      written++;
    }
    return written;
  });
  if (edns) writer.opt();
  const bytes = writer.bytes();
  const asked = query.readUInt8(2);
  bytes.writeUInt8(0x80 | (asked & 0b0111_1001) | (authoritative ? 4 : 0) | (isTruncated ? 2 : 0), 2);
  bytes.writeUInt8(0x80 | code, 3);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt16BE(counts[0] ?? 0, 6);
  bytes.writeUInt16BE(counts[1] ?? 0, 8);
  bytes.writeUInt16BE((counts[2] ?? 0) + (edns ? 1 : 0), 10);
  return bytes;
}

class MessageWriter {
  #buffer = Buffer.alloc(1024);
  #at: number;
  /** Where a name stands already. */
  readonly #names = new Map<string, number>();

  constructor(beginning: Buffer) {
    beginning.copy(this.#buffer);
    this.#at = beginning.length;
    this.#rememberQuestion();
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** False, and nothing written, when it goes beyond the room. */
  record({ name, ttl, ...content }: OwnedRecord, room: number): boolean {
    const start = this.#at;
    this.#name(name);
    this.#number(typeNumbers[content.type], 2);
    this.#number(1, 2);
    this.#number(ttl, 4);
    const lengthAt = this.#at;
    this.#number(0, 2);
    this.#data(content);
    this.#buffer.writeUInt16BE(this.#at - lengthAt - 2, lengthAt);
    if (this.#at <= room) return true;
    this.#at = start;
    for (const [known, offset] of this.#names) if (offset >= start) this.#names.delete(known);
    return false;
  }

  opt(): void {
    this.#number(0, 1);
    this.#number(41, 2);
    this.#number(udpPayloadBytes, 2);
    this.#number(0, 4);
    this.#number(0, 2);
  }

  #data(record: ZoneRecord): void {
    switch (record.type) {
      case "A":
        for (const octet of record.data.split(".")) this.#number(Number(octet), 1);
        return;
      case "AAAA":
        for (const group of groupsOf(record.data)) this.#number(group, 2);
        return;
      case "TXT":
        this.#number(Buffer.byteLength(record.data), 1);
        this.#text(record.data);
        return;
      case "SRV":
        for (const number of [record.data.priority, record.data.weight, record.data.port]) this.#number(number, 2);
        // Its target may not be a reference (RFC 2782).
        this.#name(record.data.target, false);
        return;
      case "SOA":
        this.#soa(record.data);
        return;
      default:
        this.#name(record.data);
    }
  }

  #soa({ mname, rname, serial, refresh, retry, expire, minimum }: SoaData): void {
    this.#name(mname);
    this.#name(rname);
    for (const number of [serial, refresh, retry, expire, minimum]) this.#number(number, 4);
  }

  #name(name: string, compress = true): void {
    const labels = name === "" ? [] : name.split(".");
    for (let from = 0; from < labels.length; from++) {
      const rest = labels.slice(from).join(".").toLowerCase();
      const known = this.#names.get(rest);
      if (compress && known !== undefined) {
        this.#number(0xc000 | known, 2);
        return;
      }
      // References reach no further.
      if (known === undefined && this.#at < 0x4000) this.#names.set(rest, this.#at);
      const label = labels[from] ?? "";
      this.#number(Buffer.byteLength(label, "latin1"), 1);
      this.#text(label);
    }
    this.#number(0, 1);
  }

  #rememberQuestion(): void {
    const labels: { at: number; text: string }[] = [];
    let at = headerBytes;
    for (let length = this.#buffer.readUInt8(at); length !== 0; length = this.#buffer.readUInt8(at)) {
      labels.push({ at, text: this.#buffer.toString("latin1", at + 1, at + 1 + length).toLowerCase() });
      at += length + 1;
    }
    for (const [from, label] of labels.entries()) {
      const rest = labels.slice(from).map(({ text }) => text);
      this.#names.set(rest.join("."), label.at);
    }
  }

  #number(value: number, bytes: 1 | 2 | 4): void {
    this.#grow(bytes);
    this.#buffer.writeUIntBE(value, this.#at, bytes);
    this.#at += bytes;
  }

  #text(text: string): void {
    this.#grow(text.length);
    this.#at += this.#buffer.write(text, this.#at, "latin1");
  }

  #grow(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    this.#buffer = Buffer.concat([this.#buffer, Buffer.alloc(this.#buffer.length)]);
  }
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const parse = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => {
          if (!group.includes(".")) return [Number.parseInt(group, 16)];
          const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
          return [a * 256 + b, c * 256 + d];
        });
  if (tail === undefined) return parse(head);
  const [left, right] = [parse(head), parse(tail)];
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}
