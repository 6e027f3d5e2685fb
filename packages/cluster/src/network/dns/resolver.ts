/** One query in, one answer out: the cluster's names from the zone, the rest from upstream. */
import type { ClusterZone, ZoneAnswer } from "./cluster-zone.ts";
import { recordTtlSeconds } from "./cluster-zone.ts";
import { encodeMessage, type OwnedRecord, udpPayloadBytes } from "./encode.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Transport } from "./upstream.ts";
import { headerBytes, questionOf, recordsOf, refusal, truncated } from "./wire.ts";

const formErr = 1;
const notImp = 4;
const refused = 5;
const badVersion = 16;
const optType = 41;
const internet = 1;
/** Zone transfers, and the types that are no questions. */
const firstMetaType = 249;
const anyType = 255;
const mostAliases = 8;
const typeNames = new Map([
  [1, "A"],
  [2, "NS"],
  [5, "CNAME"],
  [6, "SOA"],
  [12, "PTR"],
  [16, "TXT"],
  [28, "AAAA"],
  [33, "SRV"],
]);

export interface Resolver {
  /** The answer to send; undefined for what deserves none. */
  resolve(query: Buffer, transport: Transport): Promise<Buffer | undefined>;
}

export function createResolver(zone: ClusterZone, forwarder: Pick<Forwarder, "answer">): Resolver {
  return { resolve };

  async function resolve(query: Buffer, transport: Transport): Promise<Buffer | undefined> {
    // Answers to answers would go round for ever.
    if (query.length < headerBytes || (query.readUInt8(2) & 0x80) !== 0) return undefined;
    if ((query.readUInt8(2) & 0b0111_1000) !== 0) return refusal(query, notImp);
    const limits = limitsOf(query, transport);
    if (limits === undefined) return refusal(query, formErr);
    const { question, edns, limit } = limits;
    if (limits.version !== 0) return badVersionAnswer(query, question.end);
    if (question.type >= firstMetaType && question.type < anyType) return refusal(query, refused);
    const known = question.class === internet ? zone.lookup(question.name, typeOf(question.type)) : undefined;
    if (known === undefined) {
      const answer = await forwarder.answer(query, transport);
      return answer.length > limit ? truncated(answer) : answer;
    }
    const name = spelledName(query);
    const answers = owned(name, known);
    const alias = known.answers.find(({ type }) => type === "CNAME");
    if (alias !== undefined && typeOf(question.type) !== "CNAME") {
      answers.push(...(await followAlias(alias.data as string, question.type, transport)));
    }
    const isEmpty = answers.length === 0;
    return encodeMessage({
      query,
      questionEnd: question.end,
      code: known.code === "NXDOMAIN" ? 3 : 0,
      authoritative: true,
      answers,
      authorities: isEmpty ? [soaRecord(question.name)] : [],
      additionals: known.additionals.map((record) => ({ ...record, ttl: recordTtlSeconds })),
      edns,
      // Beyond it a datagram may come in pieces, and get lost.
      limit: transport === "udp" ? Math.min(limit, udpPayloadBytes) : limit,
    });
  }

  function soaRecord(name: string): OwnedRecord {
    const data = zone.soa();
    const apex = data.rname.replace(/^hostmaster\./, "");
    // Of reverse names the zone is that of the addresses.
    const owner = name.endsWith(`.${apex}`) || name === apex ? apex : name.split(".").slice(-4).join(".");
    return { name: owner, type: "SOA", data, ttl: recordTtlSeconds };
  }

  /** The addresses behind an ExternalName, ours or upstream's; none where they cannot be found. */
  async function followAlias(first: string, type: number, transport: Transport): Promise<OwnedRecord[]> {
    const records: OwnedRecord[] = [];
    let target = first;
    for (let hops = 0; hops < mostAliases; hops++) {
      const known = zone.lookup(target, typeOf(type));
      if (known === undefined) return [...records, ...(await addressesUpstream(target, type, transport))];
      records.push(...owned(target, known));
      const alias = known.answers.find((record) => record.type === "CNAME");
      if (alias === undefined) return records;
      target = alias.data as string;
    }
    return records;
  }

  async function addressesUpstream(name: string, type: number, transport: Transport): Promise<OwnedRecord[]> {
    if (type !== 1 && type !== 28) return [];
    const answer = await forwarder.answer(plainQuery(name, type), transport);
    if ((answer.readUInt8(3) & 15) !== 0) return [];
    return recordsOf(answer)
      .filter((record) => record.section === "answer" && record.type === type)
      .map(({ ttl, dataOffset, dataLength }) => ({
        name,
        ttl,
        ...addressRecord(type, answer.subarray(dataOffset, dataOffset + dataLength)),
      }));
  }
}

function limitsOf(query: Buffer, transport: Transport) {
  try {
    const question = questionOf(query);
    const opt = recordsOf(query).find(({ type, section }) => type === optType && section === "additional");
    const asked = opt === undefined ? 512 : query.readUInt16BE(opt.ttlOffset - 2);
    return {
      question,
      edns: opt !== undefined,
      version: opt === undefined ? 0 : query.readUInt8(opt.ttlOffset + 1),
      limit: transport === "tcp" ? 65_535 : Math.min(Math.max(asked, 512), 4096),
    };
  } catch {
    return undefined;
  }
}

/** The upper bits of its code stand in the OPT record. */
function badVersionAnswer(query: Buffer, questionEnd: number): Buffer {
  const message = encodeMessage({
    query,
    questionEnd,
    code: badVersion & 15,
    authoritative: false,
    answers: [],
    authorities: [],
    additionals: [],
    edns: true,
    limit: 512,
  });
  message.writeUInt8(badVersion >> 4, message.length - 6);
  return message;
}

function typeOf(number: number): string {
  return typeNames.get(number) ?? String(number);
}

function owned(name: string, { answers }: ZoneAnswer): OwnedRecord[] {
  return answers.map((record) => ({ ...record, name, ttl: recordTtlSeconds }));
}

function spelledName(query: Buffer): string {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = query.readUInt8(at); length !== 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return labels.join(".");
}

function plainQuery(name: string, type: number): Buffer {
  const labels = name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, "latin1")]);
  const header = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, ...labels, Buffer.from([0, type >> 8, type & 255, 0, internet])]);
}

function addressRecord(type: number, data: Buffer): { type: "A" | "AAAA"; data: string } {
  if (type === 1) return { type: "A", data: [...data].join(".") };
  const groups = Array.from({ length: 8 }, (_unused, at) => data.readUInt16BE(at * 2).toString(16));
  return { type: "AAAA", data: groups.join(":") };
}
