import net, { isIP } from "node:net";
import tls from "node:tls";
import type { Credential, ServerTrust } from "../connection-config.ts";
import { ConnectionPool, type ConnectionPoolOptions } from "./connection-pool.ts";

export interface Endpoint {
  host: string;
  port: number;
  secure: boolean;
}

/** All connections to a server as one of its clients. Streams have their own, without a limit. */
export class ServerConnections {
  readonly requests: ConnectionPool;
  readonly streams: ConnectionPool;
  readonly #certificate: Credential["certificate"];
  readonly #key: Credential["key"];

  constructor(
    endpoint: Endpoint,
    trust: ServerTrust,
    credential: Credential,
    options: Omit<ConnectionPoolOptions, "open" | "probe">,
  ) {
    this.#certificate = credential.certificate;
    this.#key = credential.key;
    const open = endpoint.secure ? tlsOpener(endpoint, trust, credential) : tcpOpener(endpoint);
    this.requests = new ConnectionPool({ ...options, open, probe: false });
    this.streams = new ConnectionPool({ ...options, open, probe: true, maxConnections: Number.POSITIVE_INFINITY });
  }

  belongsTo(credential: Credential): boolean {
    return this.#certificate === credential.certificate && this.#key === credential.key;
  }

  /** Idle connections end now; requests under way go on, and their connections end with them. */
  retire(): void {
    this.requests.retire();
    this.streams.retire();
  }

  /** Resolves when all are closed. */
  async destroy(): Promise<void> {
    await Promise.all([this.requests.destroy(), this.streams.destroy()]);
  }
}

function tcpOpener({ host, port }: Endpoint): ConnectionPoolOptions["open"] {
  return () => ({ socket: net.connect({ host, port }), readyEvent: "connect" });
}

function tlsOpener(
  { host, port }: Endpoint,
  trust: ServerTrust,
  credential: Credential,
): ConnectionPoolOptions["open"] {
  const context: tls.SecureContextOptions = { minVersion: "TLSv1.2" };
  if (trust.ca !== undefined) context.ca = trust.ca;
  if (credential.certificate !== undefined) context.cert = credential.certificate;
  if (credential.key !== undefined) context.key = credential.key;
  const options: tls.ConnectionOptions = {
    host,
    port,
    secureContext: tls.createSecureContext(context),
    rejectUnauthorized: trust.insecureSkipVerify !== true,
    ALPNProtocols: ["http/1.1"],
  };
  const name = trust.serverName ?? (isIP(host) === 0 ? host : undefined);
  if (name !== undefined) options.servername = name;
  // A session is resumed without the costly part of the handshake.
  let session: Buffer | undefined;
  return () => {
    const socket = tls.connect(session === undefined ? options : { ...options, session });
    socket.on("session", (resumable) => {
      session = resumable;
    });
    return { socket, readyEvent: "secureConnect" };
  };
}
