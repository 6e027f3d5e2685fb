import { int64, message, string, stringMap, type ValueOfMessage } from "./message.ts";

/** What a blob is: containerd.types.Descriptor. */
export const descriptor = message({
  mediaType: string(1),
  digest: string(2),
  size: int64(3),
  annotations: stringMap(5),
});
export type Descriptor = ValueOfMessage<typeof descriptor>;
