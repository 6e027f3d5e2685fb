import { randomUUID } from "node:crypto";
import type { KubeObject } from "@podwright/kube";
import { Problem } from "../problem.ts";
import { chooseTemplate, renderTemplate, type TemplateCache } from "../templates/template.ts";
import { checkVolumes } from "../templates/volumes.ts";
import type { Tenant } from "../tenants/tenant.ts";
import { equip } from "./equip.ts";
import { fingerprint, runHash } from "./names.ts";
import type { RunRequest } from "./run-request.ts";

/** A request made into the object to create. */
export interface PreparedRun {
  name: string;
  object: KubeObject;
  /** Of a request with an idempotency key: what it asks for. */
  fingerprint: string | undefined;
}

/** Checks a request and fills the template that it names. Throws a Problem that says what is wrong with it. */
export function prepareRun(
  tenant: Tenant,
  request: RunRequest,
  options: { templates: TemplateCache; instance: string; at: number; idempotencyKey: string | undefined },
): PreparedRun {
  const { at, idempotencyKey, instance, templates } = options;
  const { name: templateName, source } = chooseTemplate(tenant, request.template);
  checkVolumes(request.vols, tenant.limits.volumes);
  const template = templates.compile(tenant, templateName, source);
  const asked =
    idempotencyKey === undefined ? undefined : fingerprint({ ...request, template: templateName, tenant: tenant.id });
  const rendered = renderTemplate(template, {
    tenantId: tenant.id,
    hash: runHash(tenant.id, idempotencyKey),
    vols: request.vols,
    ...(request.cmd === undefined ? {} : { cmd: request.cmd }),
    ...(request.params === undefined ? {} : { params: request.params }),
  });
  const object = equip(rendered, {
    tenant,
    template,
    instance,
    at,
    request: randomUUID(),
    ...(asked === undefined ? {} : { fingerprint: asked }),
  });
  const name = object.metadata.name as string;
  if (name.length > 253 || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) {
    throw new Problem("template_invalid", "the template makes no valid name of this tenant's id");
  }
  return { name, object, fingerprint: asked };
}
