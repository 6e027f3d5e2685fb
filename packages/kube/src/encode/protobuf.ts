import { setImmediate } from "node:timers/promises";
import { formatApiVersion, type JsonObject, parseApiVersion } from "../object.ts";
import type { FieldFacts, TypeTable } from "../types/facts.ts";
import { EncoderCompiler, type MessageWriter } from "./message-encoder.ts";
import { WireWriter } from "./wire-writer.ts";

export interface TypeMeta {
  /** "" where upstream says none. */
  apiVersion: string;
  kind: string;
}

/** A list whose items are made one after the other, so that they need not be there all at once. */
export interface ProtobufList {
  /** Of the list. */
  type: TypeMeta;
  metadata: JsonObject;
  /** The number of items. */
  length: number;
  /** Called once for each index, the last first. */
  item(index: number): JsonObject;
  /** About what it will take, in bytes. */
  estimatedBytes?: number;
}

/**
 * Writes objects of native kinds as Kubernetes' programs write them in protobuf, byte for byte: "k8s\0" and a
 * runtime.Unknown message (k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go). Objects must have the
 * form that decodeNative gives them. All methods throw for kinds that the table lacks.
 */
export class ProtobufEncoder {
  readonly #table: TypeTable;
  readonly #compiler: EncoderCompiler;
  readonly #messages = new Map<string, MessageWriter>();
  readonly #writer = new WireWriter(16 * 1024);

  constructor(table: TypeTable) {
    this.#table = table;
    this.#compiler = new EncoderCompiler(table);
  }

  /** One object. Its apiVersion may be "" or missing, as that of APIVersions is. */
  encode(object: JsonObject): Buffer {
    const writer = this.#writer.begin();
    this.#object(writer, object);
    return writer.take();
  }

  /** A list, as pieces of about half a megabyte. Between two of them other work gets its turn. */
  async list(list: ProtobufList): Promise<Buffer[]> {
    const struct = this.#structName(list.type);
    const fields = this.#table.struct(struct)?.fields;
    const items = fields?.get("items");
    const metadata = fields?.get("metadata");
    if (items?.type.type !== "list" || items.type.element.type !== "struct" || metadata?.type.type !== "struct") {
      throw new Error(`${struct} is no list`);
    }
    const itemMessage = this.#compiler.message(items.type.element.name);
    const writeMetadata = this.#compiler.message(metadata.type.name);
    const pieces: Buffer[] = [];
    let writer = new WireWriter(Math.min(pieceBytes, (list.estimatedBytes ?? 0) + 512));
    writer.bytes(envelopeEnd);
    let before = -envelopeEnd.length;
    // In lists of PartialObjectMetadata in v1beta1 the items come first.
    const metadataLast = metadata.proto > items.proto;
    if (metadataLast) writeField(writer, metadata, writeMetadata, list.metadata);
    for (let index = list.length - 1; index >= 0; index--) {
      if (writer.length > pieceBytes * 0.9) {
        pieces.push(writer.written());
        before += writer.length;
        await setImmediate();
        writer = new WireWriter(pieceBytes);
      }
      writeField(writer, items, itemMessage, list.item(index));
    }
    if (!metadataLast) writeField(writer, metadata, writeMetadata, list.metadata);
    writeEnvelopeStart(writer, before + writer.length, list.type);
    pieces.push(writer.written());
    return pieces.reverse();
  }

  /**
   * A frame of a watch: its length in four bytes and a meta/v1 WatchEvent: type (1), object (2), which is a RawExtension
   * with the bytes of {@link encode} (1).
   */
  watchFrame(type: string, object: JsonObject): Buffer {
    const writer = this.#writer.begin();
    this.#object(writer, object);
    writer.varint(writer.length);
    writer.varint(0x0a);
    writer.varint(writer.length);
    writer.varint(0x12);
    writer.string(type);
    writer.varint(0x0a);
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(writer.length);
    writer.bytes(length);
    return writer.take();
  }

  #object(writer: WireWriter, object: JsonObject): void {
    const { apiVersion = "", kind = "" } = object as unknown as TypeMeta;
    const type = { apiVersion, kind };
    const end = writer.length;
    writer.bytes(envelopeEnd);
    this.#message(type)(writer, object);
    writeEnvelopeStart(writer, writer.length - end - envelopeEnd.length, type);
  }

  #message(type: TypeMeta): MessageWriter {
    const key = formatApiVersion(type.apiVersion, type.kind);
    let message = this.#messages.get(key);
    if (message === undefined) {
      message = this.#compiler.message(this.#structName(type));
      this.#messages.set(key, message);
    }
    return message;
  }

  #structName({ apiVersion, kind }: TypeMeta): string {
    const { group, version } = parseApiVersion(apiVersion);
    const name = this.#table.structOfKind(group, version, kind)?.name ?? otherStructs[`${apiVersion}/${kind}`];
    if (name === undefined) throw new Error(`no kind "${kind}" is registered for version "${apiVersion}"`);
    return name;
  }
}

/** Answers that are no bodies of requests. */
const otherStructs: Readonly<Record<string, string>> = {
  "apidiscovery.k8s.io/v2/APIGroupDiscoveryList": "io.k8s.api.apidiscovery.v2.APIGroupDiscoveryList",
  "meta.k8s.io/v1beta1/PartialObjectMetadata": "io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata",
  "meta.k8s.io/v1beta1/PartialObjectMetadataList":
    "io.k8s.apimachinery.pkg.apis.meta.v1beta1.PartialObjectMetadataList",
};

const pieceBytes = 512 * 1024;
const magic = Buffer.from("k8s\0");
/** contentEncoding (3) and contentType (4), which say nothing. */
const envelopeEnd = Buffer.from([0x1a, 0, 0x22, 0]);

/** What stands before the object: the prefix, TypeMeta (1: apiVersion 1, kind 2), number and length of raw (2). */
function writeEnvelopeStart(writer: WireWriter, rawLength: number, { apiVersion, kind }: TypeMeta): void {
  writer.varint(rawLength);
  writer.varint(0x12);
  const end = writer.length;
  writer.string(kind);
  writer.varint(0x12);
  writer.string(apiVersion);
  writer.varint(0x0a);
  writer.varint(writer.length - end);
  writer.varint(0x0a);
  writer.bytes(magic);
}

function writeField(writer: WireWriter, { proto }: FieldFacts, message: MessageWriter, value: JsonObject): void {
  const end = writer.length;
  message(writer, value);
  writer.varint(writer.length - end);
  writer.varint(proto * 8 + 2);
}
