import { JsonSyntaxError } from "../json.ts";
import { type JsonObject, parseApiVersion } from "../object.ts";
import { QuantityError } from "../quantity.ts";
import { nativeTypes } from "../types/table.ts";
import { DecodeError } from "./decode-error.ts";
import { MessageCompiler } from "./message-decoder.ts";
import { type MessageReader, MessageSource } from "./message-fields.ts";
import { WireError, WireReader } from "./wire-reader.ts";

export interface DecodeProtobufOptions {
  /** What holds where the envelope does not say. */
  apiVersion?: string;
  kind?: string;
  /** false: metadata.managedFields need not be read; the object has none then. */
  managedFields?: boolean;
}

/** What a body of type application/vnd.kubernetes.protobuf holds. */
export interface DecodedProtobuf {
  apiVersion: string;
  kind: string;
  /** As decodeNative gives it, with kind and apiVersion. */
  object: JsonObject;
  /** What the envelope says of the object's encoding; clients leave it empty. */
  contentType: string;
  /** A struct of which there were fields that are not in the object, since the types here have them not. */
  unknown: string | undefined;
}

const magic = [0x6b, 0x38, 0x73, 0x00];

/**
 * Reads an object that a Kubernetes client wrote in protobuf: the bytes "k8s\0" and a runtime.Unknown message
 * (k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go).
 * The object has the form that decodeNative gives.
 *
 * @throws {DecodeError} for bytes that are cut short or wrong, and kinds that are not native.
 */
export function decodeProtobuf(bytes: Uint8Array, options: DecodeProtobufOptions = {}): DecodedProtobuf {
  if (bytes.length === 0) throw new DecodeError("empty data");
  if (!isProtobuf(bytes)) {
    throw new DecodeError(
      `provided data does not appear to be a protobuf message, expected prefix [${magic.join(" ")}]`,
    );
  }
  if (bytes.length === magic.length) throw new DecodeError("empty body");
  try {
    const envelope = readEnvelope(new WireReader(bytes, magic.length));
    const apiVersion = envelope.apiVersion || (options.apiVersion ?? "");
    const kind = envelope.kind || (options.kind ?? "");
    const source = new MessageSource(envelope.raw);
    source.managedFields = options.managedFields ?? true;
    const fields = messageOf(apiVersion, kind)(source, 0);
    const object: JsonObject = apiVersion === "" ? { kind, ...fields } : { kind, apiVersion, ...fields };
    return { apiVersion, kind, object, contentType: envelope.contentType, unknown: source.unknown };
  } catch (error) {
    if (error instanceof WireError || error instanceof JsonSyntaxError || error instanceof QuantityError) {
      throw new DecodeError(error.message);
    }
    throw error;
  }
}

/** Whether bytes begin as {@link decodeProtobuf} wants them. */
export function isProtobuf(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

let compiler: MessageCompiler | undefined;

function messageOf(apiVersion: string, kind: string): MessageReader {
  const { group, version } = parseApiVersion(apiVersion);
  const struct = nativeTypes().structOfKind(group, version, kind);
  if (struct === undefined) throw new DecodeError(`no kind "${kind}" is registered for version "${apiVersion}"`);
  compiler ??= new MessageCompiler(nativeTypes());
  return compiler.message(struct.name);
}

interface Envelope {
  apiVersion: string;
  kind: string;
  raw: Uint8Array;
  contentType: string;
}

/** runtime.Unknown: TypeMeta (1), raw (2), contentEncoding (3), contentType (4). */
function readEnvelope(reader: WireReader): Envelope {
  const envelope: Envelope = { apiVersion: "", kind: "", raw: new Uint8Array(), contentType: "" };
  while (reader.next()) {
    if (reader.wireType !== 2) reader.skip(reader.wireType);
    else if (reader.field === 1) readTypeMeta(reader, envelope);
    else if (reader.field === 2) envelope.raw = reader.bytes();
    else if (reader.field === 3) {
      const encoding = reader.string();
      if (encoding !== "") throw new DecodeError(`the body is encoded as "${encoding}", which is not supported`);
    } else if (reader.field === 4) envelope.contentType = reader.string();
    else reader.skip(2);
  }
  return envelope;
}

/** apiVersion (1), kind (2). */
function readTypeMeta(reader: WireReader, into: Envelope): void {
  const outerEnd = reader.enter();
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) into.apiVersion = reader.string();
    else if (reader.field === 2 && reader.wireType === 2) into.kind = reader.string();
    else reader.skip(reader.wireType);
  }
  reader.leave(outerEnd);
}
