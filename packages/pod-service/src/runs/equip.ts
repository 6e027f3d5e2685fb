import type { JsonObject, KubeObject } from "@podwright/kube";
import type { Template } from "../templates/template.ts";
import { isObject, type Tenant } from "../tenants/tenant.ts";
import {
  acceptedAnnotation,
  asLabel,
  fingerprintAnnotation,
  idleAnnotation,
  instanceLabel,
  lifetimeAnnotation,
  requestAnnotation,
  templateLabel,
  tenantLabel,
  ttlAnnotation,
} from "./names.ts";

export interface Equipment {
  tenant: Tenant;
  template: Template;
  instance: string;
  /** ms since 1970. */
  at: number;
  /** Of this request alone. */
  request: string;
  /** Of an idempotent request: what was asked. */
  fingerprint?: string;
}

/**
 * Gives a filled template what every run has: the tenant's namespace, labels to find it by, and the tenant's limits
 * of time. Changes the object.
 */
export function equip(
  object: KubeObject,
  { tenant, template, instance, at, request, fingerprint }: Equipment,
): KubeObject {
  const { limits } = tenant;
  const isJob = object.kind === "Job";
  const spec = object["spec"] as JsonObject;
  const templateName = asLabel(template.name);
  const labels = {
    [instanceLabel]: instance,
    [tenantLabel]: tenant.id,
    ...(templateName === undefined ? {} : { [templateLabel]: templateName }),
  };
  const given = object.metadata;
  object.metadata = {
    ...(given.name === undefined ? {} : { name: given.name }),
    namespace: tenant.namespace,
    labels: { ...given.labels, ...labels },
    annotations: {
      ...given.annotations,
      [acceptedAnnotation]: new Date(at).toISOString(),
      [requestAnnotation]: request,
      ...(fingerprint === undefined ? {} : { [fingerprintAnnotation]: fingerprint }),
      ...(limits.idleSeconds === undefined ? {} : { [idleAnnotation]: String(limits.idleSeconds) }),
      ...(limits.maxLifetimeSeconds === undefined ? {} : { [lifetimeAnnotation]: String(limits.maxLifetimeSeconds) }),
      ...(isJob || limits.ttlSecondsAfterFinished === undefined
        ? {}
        : { [ttlAnnotation]: String(limits.ttlSecondsAfterFinished) }),
    },
  };
  if (isJob) {
    const pod = spec["template"] as JsonObject;
    const metadata = isObject(pod["metadata"]) ? pod["metadata"] : {};
    pod["metadata"] = { ...metadata, labels: { ...(metadata["labels"] as JsonObject | undefined), ...labels } };
    if (limits.ttlSecondsAfterFinished !== undefined)
      spec["ttlSecondsAfterFinished"] ??= limits.ttlSecondsAfterFinished;
  }
  if (limits.maxLifetimeSeconds !== undefined) {
    const own = spec["activeDeadlineSeconds"];
    spec["activeDeadlineSeconds"] = Math.min(
      typeof own === "number" ? own : Number.POSITIVE_INFINITY,
      Math.max(1, limits.maxLifetimeSeconds),
    );
  }
  delete object["status"];
  return object;
}
