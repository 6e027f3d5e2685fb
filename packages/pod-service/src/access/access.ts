import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { invalidField, Problem } from "../problem.ts";
import { digestOf, isTenantId, type Tenant, type TenantSource, type TenantToken } from "../tenants/tenant.ts";

/** What a caller may do. */
export interface Access {
  tenant: Tenant;
  /** Whether runs of that template are the caller's to make and to see. */
  allows(template: string): boolean;
}

export interface GateOptions {
  tenants: TenantSource;
  moopkey?: string;
  anonymous: boolean;
}

/**
 * Lets callers in: with the shared key (header moopkey) as any tenant, with a bearer token as its tenant. Secrets are
 * compared by their digests, in constant time.
 */
export class Gate {
  readonly #tenants: TenantSource;
  readonly #key: Buffer | undefined;
  readonly #anonymous: boolean;
  /** Headers whose shared key was found right. */
  readonly #admitted = new WeakSet<IncomingHttpHeaders>();

  constructor({ tenants, moopkey, anonymous }: GateOptions) {
    this.#tenants = tenants;
    this.#key = moopkey === undefined ? undefined : digestOf(moopkey);
    this.#anonymous = anonymous;
  }

  /**
   * Before anything else of a request is looked at. Throws a Problem (unauthorized) where credentials are missing, or
   * plainly wrong.
   */
  admit(headers: IncomingHttpHeaders): void {
    const { authorization, moopkey } = headers;
    if (moopkey === undefined && authorization === undefined && !this.#anonymous) throw unauthorized();
    if (typeof moopkey !== "string") return;
    if (!this.#isKey(moopkey)) throw unauthorized();
    this.#admitted.add(headers);
  }

  /**
   * Throws a Problem: unauthorized without valid credentials, whether the tenant exists or not; forbidden for a
   * token of another tenant.
   */
  async enter(headers: IncomingHttpHeaders, tenantId: unknown): Promise<Access> {
    if (tenantId !== undefined && !isTenantId(tenantId)) {
      throw invalidField("tenant", "must be an id of letters, digits, '.', '_' and '-', at most 63");
    }
    const key = headers["moopkey"];
    const bearer = /^Bearer +([^\s]+) *$/i.exec(headers.authorization ?? "")?.[1];
    if (typeof key === "string") {
      if (!this.#admitted.has(headers) && !this.#isKey(key)) throw unauthorized();
      // Whoever sends a token as well gets no more than the token is for, and nothing with a wrong one.
      if (headers.authorization === undefined) return this.#any(tenantId);
    }
    if (bearer !== undefined) return this.#byToken(digestOf(Buffer.from(bearer, "latin1")), tenantId);
    if (headers.authorization !== undefined || !this.#anonymous) throw unauthorized();
    return this.#any(tenantId);
  }

  #isKey(key: string): boolean {
    return this.#key !== undefined && timingSafeEqual(digestOf(Buffer.from(key, "latin1")), this.#key);
  }

  async #any(tenantId: string | undefined): Promise<Access> {
    if (tenantId === undefined) throw invalidField("tenant", "is missing: with this key it must be said");
    return { tenant: await this.#tenants.find(tenantId), allows: () => true };
  }

  async #byToken(digest: Buffer, tenantId: string | undefined): Promise<Access> {
    if (this.#tenants.byToken !== undefined) {
      if (!this.#tenants.ready())
        throw new Problem("not_ready", "the tenants are not known yet", { retryAfterSeconds: 1 });
      const found = this.#tenants.byToken(digest);
      if (found === undefined || !timingSafeEqual(found.token.digest, digest)) throw unauthorized();
      if (tenantId !== undefined && tenantId !== found.tenant.id) {
        throw new Problem("forbidden", "the token is for another tenant");
      }
      return access(found.tenant, found.token);
    }
    if (tenantId === undefined) throw invalidField("tenant", "is missing: with this tenant service it must be said");
    const tenant = await this.#tenants.find(tenantId).catch((error: unknown) => {
      // Whoever has no valid token is not told which tenants there are.
      throw error instanceof Problem && error.code === "not_found" ? unauthorized() : error;
    });
    let matching: TenantToken | undefined;
    for (const token of tenant.tokens) if (timingSafeEqual(token.digest, digest)) matching = token;
    if (matching === undefined) throw unauthorized();
    return access(tenant, matching);
  }
}

function access(tenant: Tenant, { templates }: TenantToken): Access {
  return { tenant, allows: (template) => templates === undefined || templates.includes(template) };
}

function unauthorized(): Problem {
  return new Problem("unauthorized", "send a valid bearer token, or the shared key in the header moopkey");
}
