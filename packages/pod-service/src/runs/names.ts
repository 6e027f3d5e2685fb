import { createHash, randomUUID } from "node:crypto";

/** On everything the service makes: which service it is of. */
export const instanceLabel = "podwright.dev/pod-service";
/** Whose run it is. */
export const tenantLabel = "podwright.dev/tenant";
export const templateLabel = "podwright.dev/template";
/** When the service took the request, ISO 8601 with ms. */
export const acceptedAnnotation = "podwright.dev/accepted-at";
/** Tells one request from another: the object whose annotation it is was made by that request. */
export const requestAnnotation = "podwright.dev/request";
/** SHA-256 of what was asked with an idempotency key. */
export const fingerprintAnnotation = "podwright.dev/fingerprint";
/** Why the service deleted it. */
export const idleAnnotation = "podwright.dev/idle-seconds";
export const ttlAnnotation = "podwright.dev/ttl-seconds";
export const lifetimeAnnotation = "podwright.dev/max-lifetime-seconds";

/** 76 bits and more: names of one tenant do not meet. */
const hashLength = 20;

/** The hash of a run's name: the same one for the same key of the same tenant, else a new one. */
export function runHash(tenant: string, idempotencyKey: string | undefined): string {
  if (idempotencyKey === undefined) return randomUUID().replaceAll("-", "").slice(0, hashLength);
  return createHash("sha256").update(`${tenant}\0${idempotencyKey}`).digest("hex").slice(0, hashLength);
}

/** What a request asks for, as one text: two requests with one key must be the same. */
export function fingerprint(request: unknown): string {
  return createHash("sha256").update(canonical(request)).digest("hex");
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}

/** What may be a label's value is one; everything else is left out. */
export function asLabel(text: string): string | undefined {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text) ? text : undefined;
}
