import { type CallOptions, type GrpcConnection, method } from "../connection.ts";
import { any, timestamp } from "../google.ts";
import { message, nested, repeated, string, type ValueOfMessage } from "../message.ts";

/** What happened, where: containerd.types.Envelope. */
export const envelope = message({
  timestamp: nested(1, timestamp),
  namespace: string(2),
  /** "/images/create" */
  topic: string(3),
  event: nested(4, any),
});
export type Envelope = ValueOfMessage<typeof envelope>;

const subscribeMethod = method(
  "/containerd.services.events.v1.Events/Subscribe",
  message({ filters: repeated(1, "string") }),
  envelope,
);

/** Events of all namespaces from now on that fit one of the filters ('topic~="/images/"'). Ends when aborted. */
export function subscribe(
  connection: GrpcConnection,
  filters: string[],
  options: CallOptions = {},
): AsyncGenerator<Envelope, void, undefined> {
  return connection.stream(subscribeMethod, { filters }, options);
}
