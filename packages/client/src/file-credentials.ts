import { readFileSync } from "node:fs";
import { type Clock, systemClock } from "@podwright/clock";
import { ConnectionConfigError, type Credential, type Credentials } from "./connection-config.ts";

// As client-go reads tokens again (k8s.io/client-go/transport/token_source.go); a kubelet renews a pod's token long
// before it expires.
const rereadMs = 60_000;

type Source = { data: Buffer } | { file: string };

/** A bearer token in a file that others renew, looked at again every minute; while it cannot be read, the last one holds. */
export function tokenFileCredentials(
  file: string,
  options: {
    where: string;
    certificate?: Credentials | undefined;
    /** Used as long as the file was never readable. */
    fallback?: string | undefined;
    clock?: Clock;
  },
): Credentials {
  const clock = options.clock ?? systemClock;
  const token = new WatchedFile(file, clock);
  let last: Credential | undefined;
  const authorized = (certificate: Credential): Credential => {
    const text = token.read()?.toString("utf8").trim() || options.fallback;
    if (!text) throw new ConnectionConfigError(`${options.where}: cannot read a token from ${file}: ${token.problem}`);
    const authorization = `Bearer ${text}`;
    if (
      last?.authorization !== authorization ||
      last.certificate !== certificate.certificate ||
      last.key !== certificate.key
    ) {
      last = { ...certificate, authorization };
    }
    return last;
  };
  return {
    current() {
      const certificate = options.certificate?.current() ?? {};
      return certificate instanceof Promise ? certificate.then(authorized) : authorized(certificate);
    },
    async rejected(used) {
      token.expire();
      return authorized((await options.certificate?.current()) ?? {}).authorization !== used.authorization;
    },
  };
}

/** A client certificate, given or in files; files are looked at again every minute, and new ones get new connections. */
export function clientCertificateCredentials(
  certificate: Source,
  key: Source,
  where: string,
  clock: Clock = systemClock,
): Credentials {
  const certificateFile = "file" in certificate ? new WatchedFile(certificate.file, clock) : undefined;
  const keyFile = "file" in key ? new WatchedFile(key.file, clock) : undefined;
  let last: Credential = {};
  const read = (source: Source, file: WatchedFile | undefined): Buffer => {
    const bytes = "data" in source ? source.data : file?.read();
    if (bytes !== undefined) return bytes;
    throw new ConnectionConfigError(`${where}: cannot read ${(source as { file: string }).file}: ${file?.problem}`);
  };
  const current = (): Credential => {
    const pair = { certificate: read(certificate, certificateFile), key: read(key, keyFile) };
    if (pair.certificate !== last.certificate || pair.key !== last.key) last = pair;
    return last;
  };
  return {
    current,
    async rejected(used) {
      certificateFile?.expire();
      keyFile?.expire();
      return current() !== used;
    },
  };
}

class WatchedFile {
  problem = "";
  readonly #path: string;
  readonly #clock: Clock;
  #bytes: Buffer | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** The same Buffer as long as the content is the same. */
  read(): Buffer | undefined {
    const now = this.#clock.now();
    if (now - this.#readAt < rereadMs) return this.#bytes;
    this.#readAt = now;
    try {
      const bytes = readFileSync(this.#path);
      if (this.#bytes === undefined || !bytes.equals(this.#bytes)) this.#bytes = bytes;
    } catch (error) {
      this.problem = (error as Error).message;
    }
    return this.#bytes;
  }

  expire(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }
}
