import { createHash } from "node:crypto";
import { type Client, Informer, type Logger, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";

/** Where a token is. */
export interface TokenReference {
  namespace: string;
  name: string;
  key: string;
}

/**
 * The digests of the tokens that tenants refer to: Secrets of the namespaces they are in, followed for as long as
 * somebody refers there. Of the values only their SHA-256 is kept.
 */
export class TokenSecrets {
  readonly #client: Client;
  readonly #logger: Logger;
  readonly #onChange: () => void;
  readonly #informers = new Map<string, Informer>();

  constructor(options: { client: Client; logger: Logger; onChange: () => void }) {
    this.#client = options.client;
    this.#logger = options.logger;
    this.#onChange = options.onChange;
  }

  /** Follows these namespaces and no others; resolves when each has been read, or could not be. */
  async follow(namespaces: ReadonlySet<string>): Promise<void> {
    const ended: Promise<void>[] = [];
    for (const [namespace, informer] of this.#informers) {
      if (namespaces.has(namespace)) continue;
      this.#informers.delete(namespace);
      ended.push(informer.stop());
    }
    for (const namespace of namespaces) {
      if (this.#informers.has(namespace)) continue;
      const informer = new Informer(this.#client.resource(secrets), {
        namespace,
        fieldSelector: "type=Opaque",
        managedFields: false,
        transform: digestsOnly,
        logger: this.#logger,
      });
      this.#informers.set(namespace, informer);
      informer.onChange({ added: this.#onChange, updated: this.#onChange, deleted: this.#onChange });
      informer.start();
    }
    await Promise.all(ended);
  }

  /** Whether all that is followed was read once. */
  get synced(): boolean {
    return [...this.#informers.values()].every((informer) => informer.hasSynced);
  }

  digest({ namespace, name, key }: TokenReference): Buffer | undefined {
    const digest = this.#informers.get(namespace)?.get(name, namespace)?.["digests"]?.[key];
    return digest === undefined ? undefined : Buffer.from(digest, "hex");
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.stop()));
    this.#informers.clear();
  }
}

function digestsOnly(secret: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = secret.metadata;
  const digests: Record<string, string> = {};
  for (const [key, value] of Object.entries((secret["data"] ?? {}) as Record<string, string>)) {
    // People make Secrets from files, which end with a new line.
    const text = Buffer.from(value, "base64").toString("utf8").trim();
    if (text !== "") digests[key] = createHash("sha256").update(text).digest("hex");
  }
  const metadata = {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { apiVersion: "v1", kind: "Secret", metadata, digests };
}
