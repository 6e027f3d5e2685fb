import { type CallOptions, type GrpcConnection, method } from "../connection.ts";
import { empty } from "../google.ts";
import { message, string, type ValueOfMessage } from "../message.ts";

const versionMessage = message({ version: string(1), revision: string(2) });
export type Version = ValueOfMessage<typeof versionMessage>;

const versionMethod = method("/containerd.services.version.v1.Version/Version", empty, versionMessage);

/** Which containerd answers: "1.6.20~ds1". Throws GrpcError. */
export function version(connection: GrpcConnection, options?: CallOptions): Promise<Version> {
  return connection.unary(versionMethod, {}, options);
}
