import type { JsonObject, KubeObject } from "@podwright/kube";
import { isObject, readLimits, readTemplates, type Tenant, TenantShapeError, type TenantToken } from "./tenant.ts";
import type { TokenReference } from "./token-secrets.ts";

/** A token of a Tenant object, before its Secret was looked at. */
export interface TokenDeclaration {
  reference: TokenReference;
  templates?: readonly string[];
}

/** Reads a Tenant object. Throws {@link TenantShapeError}. */
export function readTenantObject(object: KubeObject): { tenant: Tenant; tokens: TokenDeclaration[] } {
  const id = object.metadata.name as string;
  const spec = (object["spec"] ?? {}) as JsonObject;
  const namespace = (spec["namespace"] as string | undefined) || id;
  const tokens = ((spec["tokens"] ?? []) as JsonObject[]).map((token) => {
    const reference = token["secretRef"] as { name: string; namespace?: string; key?: string };
    return {
      reference: { name: reference.name, namespace: reference.namespace ?? namespace, key: reference.key ?? "token" },
      ...(token["templates"] === undefined ? {} : { templates: token["templates"] as string[] }),
    };
  });
  const tenant: Tenant = {
    id,
    namespace,
    templates: readTemplates(spec["templates"]),
    limits: readLimits(spec["limits"]),
    tokens: [],
    replacesThirdArgument: false,
  };
  return { tenant, tokens };
}

/**
 * Reads what a tenant service answers: upstream's `{id, namespace, resources: {templates}}`, and beyond it `limits`
 * and `tokens: [{sha256, templates?}]`. The namespace is the tenant's id where it is not given.
 * Throws {@link TenantShapeError}.
 */
export function readTenantAnswer(id: string, answer: unknown): Tenant {
  if (!isObject(answer)) throw new TenantShapeError("the tenant is no object");
  // Some wrap it.
  const given = isObject(answer["data"]) && answer["id"] === undefined ? answer["data"] : answer;
  if (given["id"] !== undefined && String(given["id"]) !== id) throw new TenantShapeError("id is another tenant's");
  const namespace = given["namespace"] ?? id;
  if (typeof namespace !== "string" || !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw new TenantShapeError("namespace is no namespace's name");
  }
  const resources = given["resources"];
  if (!isObject(resources)) throw new TenantShapeError("resources is no object");
  return {
    id,
    namespace,
    templates: readTemplates(resources["templates"]),
    limits: readLimits(given["limits"]),
    tokens: readTokens(given["tokens"]),
    replacesThirdArgument: true,
  };
}

function readTokens(value: unknown): TenantToken[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new TenantShapeError("tokens is no list");
  return value.map((token) => {
    const sha256 = isObject(token) ? token["sha256"] : undefined;
    if (typeof sha256 !== "string" || !/^[0-9a-fA-F]{64}$/.test(sha256)) {
      throw new TenantShapeError("tokens: each has sha256, 64 hexadecimal digits");
    }
    const templates = (token as JsonObject)["templates"];
    if (templates !== undefined && !(Array.isArray(templates) && templates.every((name) => typeof name === "string"))) {
      throw new TenantShapeError("tokens: templates is no list of names");
    }
    return {
      digest: Buffer.from(sha256, "hex"),
      ...(templates === undefined ? {} : { templates: templates as string[] }),
    };
  });
}
