import type { JsonObject, JsonValue } from "../object.ts";
import { nativeTypes } from "../types/table.ts";
import { DecodeError } from "./decode-error.ts";
import { diagnose } from "./diagnose.ts";
import { DecoderCompiler, type DecodeState } from "./struct-decoder.ts";

export { DecodeError } from "./decode-error.ts";

export interface DecodedObject {
  /** A new object in canonical form; parts without a schema (RawExtension, fieldsV1) are the argument's own. */
  object: JsonObject;
  /** Paths of the fields that the type does not have, in order of appearance: "spec.containers[0].x". They are not in the object. */
  unknown: string[];
}

/**
 * Reads parsed JSON as a native type and gives it as upstream would write it back: quantities, times and base64 in
 * canonical form, unknown fields and nulls gone, fields that Go omits when empty gone, fields that it does not omit
 * there (`status: {}`, `rules: null`), fields in Go's order and map keys sorted. Decoding the result again changes nothing.
 *
 * `structName` is a name of the type table, e.g. "io.k8s.api.apps.v1.Deployment".
 *
 * @throws {DecodeError} `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`
 * (sigs.k8s.io/json), or what the field's own type says of its value.
 */
export function decodeNative(value: JsonValue, structName: string): DecodedObject {
  const table = nativeTypes();
  compiler ??= new DecoderCompiler(table);
  const decoder = compiler.struct(structName);
  const state: DecodeState = { unknown: false };
  let object: JsonValue;
  try {
    object = decoder(value, state);
  } catch (error) {
    if (error instanceof RangeError) throw new DecodeError("exceeded max depth");
    const struct = table.struct(structName);
    throw new DecodeError((struct && diagnose(value, struct, table).error) ?? String(error));
  }
  if (!state.unknown) return { object: object as JsonObject, unknown: [] };
  const struct = table.struct(structName);
  return { object: object as JsonObject, unknown: struct === undefined ? [] : diagnose(value, struct, table).unknown };
}

let compiler: DecoderCompiler | undefined;
