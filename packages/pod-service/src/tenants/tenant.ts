import { hash } from "node:crypto";
import type { JsonObject } from "@podwright/kube";

/** Who may have pods made, where, from what, and how many. */
export interface Tenant {
  id: string;
  namespace: string;
  /** By name, as they are written; see templates/template.ts. */
  templates: Readonly<Record<string, JsonObject>>;
  limits: TenantLimits;
  tokens: readonly TenantToken[];
  /** What upstream's program did with templates that say nowhere where the command goes: args[2] of the first container. */
  replacesThirdArgument: boolean;
}

export interface TenantLimits {
  /** Runs at once; no limit when absent. */
  runs?: number;
  /** Runs that wait. */
  queue: number;
  /** Weight where tenants compete. */
  share: number;
  /** How long a run may take. */
  maxLifetimeSeconds?: number;
  /** How long a finished run's object stays. */
  ttlSecondsAfterFinished?: number;
  /** How long a run may go without any request about it. */
  idleSeconds?: number;
  /** Claims that may be mounted: names, or globs with *; all when absent. */
  volumes?: readonly string[];
}

/** A token, known by its SHA-256 alone. */
export interface TenantToken {
  digest: Buffer;
  /** Names of the templates it is for; all when absent. */
  templates?: readonly string[];
}

export const defaultLimits: TenantLimits = { queue: 100, share: 1 };

/** What an id may be: it goes into labels, names and URLs. */
export const tenantIdPattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$";
const tenantId = new RegExp(tenantIdPattern);

export function isTenantId(value: unknown): value is string {
  return typeof value === "string" && tenantId.test(value);
}

/** How tokens are kept and compared. */
export function digestOf(secret: string | Buffer): Buffer {
  return hash("sha256", secret, "buffer");
}

/** Where tenants come from. */
export interface TenantSource {
  /** Throws a Problem: not_found when there is none, tenant_service_… when that cannot be told. */
  find(id: string): Promise<Tenant>;
  /** The tenant of a token, where the source knows all tenants; its absence means: ask for the tenant by its id. */
  byToken?(digest: Buffer): { tenant: Tenant; token: TenantToken } | undefined;
  /** Whether requests can be served at all. */
  ready(): boolean;
  stop(): Promise<void>;
}

/** Thrown for a tenant that is not written as it must be; the message says where. */
export class TenantShapeError extends Error {}

/** The templates under a "templates" member: by name, or (as upstream's text has it) a single one, called "pod". */
export function readTemplates(value: unknown): Record<string, JsonObject> {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new TenantShapeError("templates is no object");
  if (typeof value["kind"] === "string" && isObject(value["spec"])) return { pod: value };
  const templates: Record<string, JsonObject> = {};
  for (const [name, template] of Object.entries(value)) {
    if (template === null || template === undefined) continue;
    if (!isObject(template)) throw new TenantShapeError(`templates.${name} is no object`);
    templates[name] = template;
  }
  return templates;
}

/** The limits under a "limits" member. */
export function readLimits(value: unknown): TenantLimits {
  if (value === undefined || value === null) return defaultLimits;
  if (!isObject(value)) throw new TenantShapeError("limits is no object");
  const limits: TenantLimits = { ...defaultLimits };
  for (const name of [
    "runs",
    "queue",
    "share",
    "maxLifetimeSeconds",
    "ttlSecondsAfterFinished",
    "idleSeconds",
  ] as const) {
    const given = value[name];
    if (given === undefined || given === null) continue;
    if (!Number.isSafeInteger(given) || (given as number) < (name === "share" ? 1 : 0)) {
      throw new TenantShapeError(`limits.${name} is no whole number`);
    }
    limits[name] = given as number;
  }
  const volumes = value["volumes"];
  if (volumes !== undefined && volumes !== null) {
    if (!Array.isArray(volumes) || !volumes.every((item) => typeof item === "string")) {
      throw new TenantShapeError("limits.volumes is no list of texts");
    }
    limits.volumes = volumes as string[];
  }
  return limits;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
