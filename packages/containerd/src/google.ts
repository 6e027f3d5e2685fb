import { bytes, int32, int64, message, repeated, string, type ValueOfMessage } from "./message.ts";

/** google.protobuf.Empty */
export const empty = message({});

/** google.protobuf.Timestamp */
export const timestamp = message({ seconds: int64(1), nanos: int32(2) });
export type Timestamp = ValueOfMessage<typeof timestamp>;

/** google.protobuf.Any: a message of the type that the URL names. */
export const any = message({ typeUrl: string(1), value: bytes(2) });

/** google.protobuf.FieldMask: which fields an update is about. */
export const fieldMask = message({ paths: repeated(1, "string") });

/** Milliseconds since 1970; 0 where there is none. */
export function timestampMs(time: Timestamp | undefined): number {
  return time === undefined ? 0 : time.seconds * 1000 + Math.floor(time.nanos / 1e6);
}
