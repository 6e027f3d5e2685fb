import { JsonSyntaxError } from "../json.ts";
import { type JsonObject, parseApiVersion } from "../object.ts";
import { nativeTypes } from "../types/table.ts";
import { MessageCompiler } from "./message-decoder.ts";
import { DecodeError, decodeNative } from "./native.ts";
import { WireError, WireReader } from "./wire-reader.ts";

/** What a body of type application/vnd.kubernetes.protobuf holds. */
export interface DecodedProtobuf {
  apiVersion: string;
  kind: string;
  /** As {@link decodeNative} gives it, with kind and apiVersion. */
  object: JsonObject;
  /** What the envelope says of the object's encoding; clients leave it empty. */
  contentType: string;
}

const magic = [0x6b, 0x38, 0x73, 0x00];

/**
 * Reads an object that a Kubernetes client wrote in protobuf: the bytes "k8s\0" and a runtime.Unknown message
 * (k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go). `defaults` stand for what the envelope does not say.
 *
 * @throws {DecodeError} for bytes that are cut short or wrong, and kinds that are not native.
 */
export function decodeProtobuf(bytes: Uint8Array, defaults?: { apiVersion: string; kind: string }): DecodedProtobuf {
  if (bytes.length === 0) throw new DecodeError("empty data");
  if (magic.some((byte, i) => bytes[i] !== byte)) {
    throw new DecodeError(
      `provided data does not appear to be a protobuf message, expected prefix [${magic.join(" ")}]`,
    );
  }
  if (bytes.length === magic.length) throw new DecodeError("empty body");
  try {
    const envelope = readEnvelope(new WireReader(bytes, magic.length));
    const apiVersion = envelope.apiVersion || (defaults?.apiVersion ?? "");
    const kind = envelope.kind || (defaults?.kind ?? "");
    const { group, version } = parseApiVersion(apiVersion);
    const struct = nativeTypes().structOfKind(group, version, kind);
    if (struct === undefined) throw new DecodeError(`no kind "${kind}" is registered for version "${apiVersion}"`);
    compiler ??= new MessageCompiler(nativeTypes());
    const raw: JsonObject = {};
    compiler.message(struct.name)(new WireReader(envelope.raw), raw, 0);
    raw["kind"] = kind;
    raw["apiVersion"] = apiVersion;
    return { apiVersion, kind, object: decodeNative(raw, struct.name).object, contentType: envelope.contentType };
  } catch (error) {
    if (error instanceof WireError || error instanceof JsonSyntaxError) throw new DecodeError(error.message);
    throw error;
  }
}

/** Whether bytes begin as {@link decodeProtobuf} wants them. */
export function isProtobuf(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

let compiler: MessageCompiler | undefined;

/** runtime.Unknown: TypeMeta (1: apiVersion 1, kind 2), raw (2), contentEncoding (3), contentType (4). */
function readEnvelope(reader: WireReader): { apiVersion: string; kind: string; raw: Uint8Array; contentType: string } {
  const envelope = { apiVersion: "", kind: "", raw: new Uint8Array() as Uint8Array, contentType: "" };
  while (reader.next()) {
    if (reader.wireType !== 2) reader.skip(reader.wireType);
    else if (reader.field === 1) {
      for (const meta = reader.message(); meta.next(); ) {
        if (meta.field === 1 && meta.wireType === 2) envelope.apiVersion = meta.string();
        else if (meta.field === 2 && meta.wireType === 2) envelope.kind = meta.string();
        else meta.skip(meta.wireType);
      }
    } else if (reader.field === 2) envelope.raw = reader.bytes();
    else if (reader.field === 3) {
      const encoding = reader.string();
      if (encoding !== "") throw new DecodeError(`the body is encoded as "${encoding}", which is not supported`);
    } else if (reader.field === 4) envelope.contentType = reader.string();
    else reader.skip(2);
  }
  return envelope;
}
