/** Where an API server is, how to trust it, and who one is to it: what a kubeconfig's context comes to. */
export interface ConnectionConfig {
  /** "https://10.0.0.1:6443", with or without a path. */
  server: string;
  /** The context's namespace, "default" where it has none. */
  namespace: string;
  tls: ServerTrust;
  credentials: Credentials;
  /** Sent with every request: impersonation. */
  headers: Record<string, string | string[]>;
}

export interface ServerTrust {
  /** PEM; the well-known authorities when absent. */
  ca?: string | Buffer;
  /** Do not check the server's certificate. */
  insecureSkipVerify?: boolean;
  /** The name to ask for and to check, instead of the one in the server's URL. */
  serverName?: string;
}

/** Who one is: what goes with requests. */
export interface Credential {
  /** The Authorization header. */
  authorization?: string;
  /** PEM of a client certificate and its key. */
  certificate?: string | Buffer;
  key?: string | Buffer;
}

export interface Credentials {
  /** What to use now; the same object as long as nothing changed. Throws CredentialError when there is none. */
  current(): Credential | Promise<Credential>;
  /** The server answered 401 to `used`. Tells whether there is another one now. */
  rejected(used: Credential): Promise<boolean>;
}

/** The kubeconfig, or a credential it names, cannot be used: says which, where and what to do. */
export class ConnectionConfigError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ConnectionConfigError";
  }
}

/** Credentials that never change. */
export function staticCredentials(credential: Credential): Credentials {
  return { current: () => credential, rejected: async () => false };
}
