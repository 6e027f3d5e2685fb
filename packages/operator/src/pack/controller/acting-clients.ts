import { Client } from "@podwright/client";
import type { Pack } from "../pack.ts";

/** Each has an answer of discovery in memory. */
const limit = 100;

/** As whom a Pack's release is worked on; undefined: as the operator. */
export function userOf(pack: Pack): string | undefined {
  const { serviceAccountName } = pack.spec;
  return serviceAccountName ? `system:serviceaccount:${pack.metadata.namespace}:${serviceAccountName}` : undefined;
}

/**
 * Clients that act as Packs' service accounts: what is done to the objects of a release is done with the rights that
 * helm has, not with the operator's.
 */
export class ActingClients {
  readonly #own: Client;
  readonly #clients = new Map<string, Client>();

  constructor(own: Client) {
    this.#own = own;
  }

  of(pack: Pack): Client {
    const user = userOf(pack);
    if (user === undefined) return this.#own;
    const known = this.#clients.get(user);
    if (known !== undefined) return known;
    for (const oldest of this.#clients.keys()) {
      if (this.#clients.size < limit) break;
      this.#clients.delete(oldest);
    }
    const { transport } = this.#own;
    const client = new Client({
      request: (request) =>
        transport.request({ ...request, headers: { ...request.headers, "impersonate-user": user } }),
      close: async () => {},
    });
    this.#clients.set(user, client);
    return client;
  }
}
