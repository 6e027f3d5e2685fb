import { isJsonObject } from "../json.ts";
import type { JsonObject } from "../object.ts";
import { DecodeError } from "./decode-error.ts";
import { type ObjectVersion, readObjectVersion } from "./object-version.ts";
import { type DecodeProtobufOptions, decodeProtobuf } from "./protobuf.ts";
import { WireError, WireReader } from "./wire-reader.ts";

export type { ObjectVersion } from "./object-version.ts";
export type { DecodeProtobufOptions } from "./protobuf.ts";

export interface DecodeWatchEventOptions extends DecodeProtobufOptions {
  /** What the caller has in memory of a version already: an event that adds or changes shows it, and nothing is read. */
  held?: ((version: ObjectVersion) => object | undefined) | undefined;
}

/** An event of a watch, whose object is of a native kind. */
export interface DecodedWatchEvent {
  /** "ADDED", "MODIFIED", "DELETED", "BOOKMARK" or "ERROR", or what else the server wrote. */
  type: string;
  object: JsonObject;
}

/**
 * Reads a frame of a protobuf watch: meta/v1 WatchEvent, whose object is again a whole body
 * (k8s.io/apimachinery/pkg/apis/meta/v1/watch.go; k8s.io/apiserver/pkg/endpoints/handlers/response.go, watchEncoder).
 *
 * @throws {DecodeError} for bytes that are cut short or wrong, kinds that are not native, and objects with fields that
 * the types here have not: those would be lost.
 */
export function decodeWatchEvent(bytes: Uint8Array, options: DecodeWatchEventOptions = {}): DecodedWatchEvent {
  let type = "";
  let raw: Uint8Array | undefined;
  try {
    for (const event = new WireReader(bytes); event.next(); ) {
      if (event.field === 1 && event.wireType === 2) type = event.string();
      else if (event.field === 2 && event.wireType === 2) raw = readExtension(event);
      else event.skip(event.wireType);
    }
  } catch (error) {
    if (error instanceof WireError) throw new DecodeError(error.message);
    throw error;
  }
  if (type === "" || raw === undefined) throw new DecodeError("not a watch event");
  if (options.held !== undefined && (type === "ADDED" || type === "MODIFIED")) {
    const version = readObjectVersion(raw);
    const held = version === undefined ? undefined : options.held(version);
    if (held !== undefined) return { type, object: held as JsonObject };
  }
  const { object, unknown } = decodeProtobuf(raw, options);
  if (unknown !== undefined) throw new DecodeError(`${unknown} has a field that is not known here`);
  if (object["kind"] === "StatefulSet") addClaimTypes(object);
  return { type, object };
}

/**
 * The API server sets them in what it gives, where JSON has them, but protobuf has no place for them
 * (kubernetes/pkg/apis/apps/v1/conversion.go).
 */
function addClaimTypes({ spec }: JsonObject): void {
  if (!isJsonObject(spec) || !Array.isArray(spec["volumeClaimTemplates"])) return;
  spec["volumeClaimTemplates"] = spec["volumeClaimTemplates"].map((claim) => ({
    kind: "PersistentVolumeClaim",
    apiVersion: "v1",
    ...(claim as JsonObject),
  }));
}

/** RawExtension: raw (1). */
function readExtension(reader: WireReader): Uint8Array | undefined {
  let raw: Uint8Array | undefined;
  const outerEnd = reader.enter();
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === 2) raw = reader.bytes();
    else reader.skip(reader.wireType);
  }
  reader.leave(outerEnd);
  return raw;
}
