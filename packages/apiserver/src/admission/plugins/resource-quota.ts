import { compareQuantities, type KubeObject } from "@podwright/kube";
import { type Evaluator, evaluatorFor, isIgnored, isInScopes, matches } from "../../quota/evaluators.ts";
import {
  addResources,
  maskResources,
  type ResourceList,
  resourcesText,
  subtractResources,
  withoutZeros,
} from "../../quota/resource-list.ts";
import type { Resource } from "../../resources/resource.ts";
import type { Storage } from "../../storage/storage.ts";
import { encodeStored, storedAttributes } from "../../verbs/stored-object.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { Lister } from "../lister.ts";
import { refuse } from "../refusal.ts";

export interface ResourceQuotaOptions {
  quotas: Lister;
  storage: Storage;
  /** The resource of ResourceQuotas. */
  resource: () => Resource | undefined;
  now: () => number;
}

/**
 * Refuses what would use more than a quota of its namespace allows, and charges what it lets pass: a quota's status is
 * checked and written in one step, so that requests of one moment cannot pass together what one alone may use
 * (k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go).
 */
export function resourceQuota(options: ResourceQuotaOptions): AdmissionPlugin {
  return {
    name: "ResourceQuota",
    handles: ({ namespace, operation, resource, subresource }) =>
      namespace !== "" &&
      subresource === "" &&
      (operation === "CREATE" || operation === "UPDATE") &&
      !isIgnored(resource.group, resource.plural),
    async validate(attributes) {
      const quotas = options.quotas.list().filter(({ metadata }) => metadata.namespace === attributes.namespace);
      if (quotas.length > 0) await admit(options, attributes, quotas);
    },
  };
}

interface Charge {
  quota: KubeObject;
  usage: ResourceList;
}

async function admit(
  options: ResourceQuotaOptions,
  attributes: AdmissionAttributes,
  quotas: KubeObject[],
): Promise<void> {
  const { resource } = attributes;
  const evaluator = evaluatorFor(resource.group, resource.plural);
  const charges = chargesOf(evaluator, attributes, quotas, options.now());
  // All are asked before one is charged.
  for (const { quota, usage } of charges) checkQuota(attributes, quota, usage);
  if (attributes.dryRun) return;
  const charged: Charge[] = [];
  try {
    for (const charge of charges) {
      await change(options, charge, (quota) => checkQuota(attributes, quota, charge.usage));
      charged.push(charge);
    }
  } catch (error) {
    for (const { quota, usage } of charged) {
      await change(options, { quota, usage }, (current) => subtractResources(current["status"].used ?? {}, usage));
    }
    throw error;
  }
}

function chargesOf(
  evaluator: Evaluator,
  attributes: AdmissionAttributes,
  quotas: KubeObject[],
  nowMs: number,
): Charge[] {
  const object = attributes.object as KubeObject;
  const { oldObject, operation } = attributes;
  if (operation === "UPDATE") {
    if (evaluator.updates === "never" || oldObject === undefined) return [];
    if (evaluator.updates === "scope" && isTerminating(object) === isTerminating(oldObject)) return [];
  }
  const charges: Charge[] = [];
  for (const quota of quotas) {
    if (!matches(evaluator, quota, object)) continue;
    const { hard = {}, used = {} } = (quota["status"] ?? {}) as { hard?: ResourceList; used?: ResourceList };
    const names = evaluator.matching(Object.keys(hard));
    const missing = evaluator.missing?.(object, names);
    if (missing !== undefined) throw refuse(attributes, `failed quota: ${quota.metadata.name}: ${missing}`);
    if (names.some((name) => used[name] === undefined)) {
      const text = names.toSorted().join(",");
      throw refuse(attributes, `status unknown for quota: ${quota.metadata.name}, resources: ${text}`);
    }
    let usage = evaluator.usage(object, nowMs);
    if (operation === "UPDATE" && oldObject !== undefined && isInScopes(evaluator, quota, oldObject)) {
      usage = subtractResources(usage, evaluator.usage(oldObject, nowMs));
    }
    usage = withoutZeros(usage);
    if (Object.keys(usage).length > 0) charges.push({ quota, usage });
  }
  return charges;
}

function isTerminating(pod: KubeObject): boolean {
  return typeof pod["spec"]?.activeDeadlineSeconds === "number";
}

/** What is used when the request has passed. Throws the refusal. */
function checkQuota(attributes: AdmissionAttributes, quota: KubeObject, usage: ResourceList): ResourceList {
  const { hard = {}, used = {} } = (quota["status"] ?? {}) as { hard?: ResourceList; used?: ResourceList };
  const requested = maskResources(usage, Object.keys(hard));
  const after = addResources(used, requested);
  const exceeded = Object.keys(requested).filter(
    (name) => compareQuantities(after[name] as string, hard[name] as string) > 0,
  );
  if (exceeded.length > 0) {
    const text = (list: ResourceList): string => resourcesText(maskResources(list, exceeded));
    throw refuse(
      attributes,
      `exceeded quota: ${quota.metadata.name}, requested: ${text(requested)}, used: ${text(used)}, limited: ${text(hard)}`,
    );
  }
  return after;
}

/** Writes what a quota's status says is used, from its newest state. */
async function change(
  { resource, storage }: ResourceQuotaOptions,
  { quota }: Charge,
  usedOf: (current: KubeObject) => ResourceList,
): Promise<void> {
  const kind = resource();
  if (kind === undefined) return;
  const key = `//resourcequotas/${quota.metadata.namespace}/${quota.metadata.name}`;
  await storage.write(key, (current) => {
    if (current === undefined) return { type: "none" };
    const object = JSON.parse(current.value.toString()) as KubeObject;
    object["status"] = { ...object["status"], used: usedOf(object) };
    return {
      type: "put",
      ...storedAttributes(kind, object),
      encode: (revision) => encodeStored(object, revision),
    };
  });
}
