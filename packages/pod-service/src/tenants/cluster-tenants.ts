import { type Client, type Clock, Informer, type Logger, tenants } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { Problem } from "../problem.ts";
import { readTenantObject, type TokenDeclaration } from "./read-tenant.ts";
import { type Tenant, TenantShapeError, type TenantSource, type TenantToken } from "./tenant.ts";
import { TenantController } from "./tenant-controller.ts";
import { TokenSecrets } from "./token-secrets.ts";

interface Known {
  object: KubeObject;
  tenant?: Tenant;
  tokens: TokenDeclaration[];
  error?: string;
}

/**
 * Tenants as objects of the cluster. Started, it follows Tenants and the Secrets of their tokens, and makes what
 * tenants ask for: namespaces with quota, limits and network policy.
 */
export async function startClusterTenants(options: {
  client: Client;
  clock: Clock;
  logger: Logger;
}): Promise<TenantSource> {
  const { client, logger, clock } = options;
  const known = new Map<string, Known>();
  let byToken: Map<string, { tenant: Tenant; token: TenantToken }> | undefined;
  const secrets = new TokenSecrets({
    client,
    logger,
    onChange() {
      byToken = undefined;
    },
  });
  const controller = new TenantController({ client, clock, logger });

  const withTokens = ({ tenant, tokens }: Known): Tenant | undefined => {
    if (tenant === undefined) return undefined;
    const found = tokens.flatMap(({ reference, templates }) => {
      const digest = secrets.digest(reference);
      return digest === undefined ? [] : [{ digest, ...(templates === undefined ? {} : { templates }) }];
    });
    return { ...tenant, tokens: found };
  };
  const tokenIndex = () => {
    if (byToken !== undefined) return byToken;
    byToken = new Map();
    for (const entry of known.values()) {
      const tenant = withTokens(entry);
      for (const token of tenant?.tokens ?? []) {
        byToken.set(token.digest.toString("hex"), { tenant: tenant as Tenant, token });
      }
    }
    return byToken;
  };
  const take = (object: KubeObject): void => {
    const name = object.metadata.name as string;
    try {
      known.set(name, { object, ...readTenantObject(object) });
    } catch (error) {
      if (!(error instanceof TenantShapeError)) throw error;
      known.set(name, { object, tokens: [], error: error.message });
    }
    changed(name, object);
  };
  const changed = (name: string, object: KubeObject | undefined): void => {
    byToken = undefined;
    const namespaces = new Set(
      [...known.values()].flatMap(({ tokens }) => tokens.map((each) => each.reference.namespace)),
    );
    void secrets.follow(namespaces);
    controller.changed(name, object, known.get(name)?.error);
  };

  const informer = new Informer(client.resource(tenants), { managedFields: false, logger, clock });
  informer.onChange({
    added: take,
    updated: take,
    deleted(object) {
      known.delete(object.metadata.name as string);
      changed(object.metadata.name as string, undefined);
    },
  });
  informer.start();
  controller.start();

  return {
    async find(id) {
      const entry = known.get(id);
      if (entry === undefined) {
        if (!informer.hasSynced)
          throw new Problem("not_ready", "the tenants are not known yet", { retryAfterSeconds: 1 });
        throw new Problem("not_found", "there is no such tenant");
      }
      if (entry.tenant === undefined) throw new Problem("template_invalid", `the tenant is not valid: ${entry.error}`);
      return entry.tenant;
    },
    byToken: (digest) => tokenIndex().get(digest.toString("hex")),
    ready: () => informer.hasSynced && secrets.synced,
    async stop() {
      await informer.stop();
      await Promise.all([secrets.stop(), controller.stop()]);
    },
  };
}
