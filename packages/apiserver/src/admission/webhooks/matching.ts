import { type KubeObject, type LabelSelector, status } from "@podwright/kube";
import type { Conversions } from "../../resources/conversion.ts";
import type { Resource, ResourceRegistry } from "../../resources/resource.ts";
import type { AdmissionAttributes } from "../admission.ts";
import type { Lister } from "../lister.ts";
import type { Rule, Webhook } from "./configuration.ts";
import type { ConditionMatcher } from "./match-conditions.ts";

/** What a webhook is to be asked: the resource is the one its rule names, which matchPolicy Equivalent may make another version. */
export interface Invocation {
  webhook: Webhook;
  resource: Resource;
}

export type Matcher = (
  webhook: Webhook,
  attributes: AdmissionAttributes,
  conversions: Conversions,
) => Invocation | undefined;

/** What requests a webhook or a policy is about. */
export type Criteria = Pick<Webhook, "rules" | "namespaceSelector" | "objectSelector" | "equivalent">;

/**
 * The resource that a request is about in the words of the rules that match it: matchPolicy Equivalent may make it
 * another version. Undefined when the criteria do not match. Throws a StatusError when that cannot be said.
 */
export type CriteriaMatcher = (criteria: Criteria, attributes: AdmissionAttributes) => Resource | undefined;

/**
 * Decides which webhooks a request concerns (k8s.io/apiserver/pkg/admission/plugin/webhook/generic/webhook.go,
 * ShouldCallHook, and predicates/). Throws a StatusError when that cannot be said.
 */
export function createMatcher(matches: CriteriaMatcher, meetsConditions: ConditionMatcher): Matcher {
  return (webhook, attributes, conversions) => {
    const resource = matches(webhook, attributes);
    if (resource === undefined) return undefined;
    return meetsConditions(webhook, resource, attributes, conversions) ? { webhook, resource } : undefined;
  };
}

export function createCriteriaMatcher(namespaces: Lister, registry: ResourceRegistry): CriteriaMatcher {
  const equivalents = equivalentResources(registry);
  return (criteria, attributes) => {
    if (!selectsObject(criteria.objectSelector, attributes)) return undefined;
    const resource = matchRules(criteria, attributes, equivalents);
    if (resource === undefined) return undefined;
    return selectsNamespace(criteria.namespaceSelector, attributes, namespaces) ? resource : undefined;
  };
}

/** The configurations themselves are never reviewed: a bad webhook must not be able to keep itself in place. */
export function isExempt({ resource }: AdmissionAttributes): boolean {
  return resource.group === "admissionregistration.k8s.io" && exemptKinds.has(resource.kind);
}
const exemptKinds: ReadonlySet<string> = new Set([
  "ValidatingWebhookConfiguration",
  "MutatingWebhookConfiguration",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
  "MutatingAdmissionPolicy",
  "MutatingAdmissionPolicyBinding",
]);

/** The namespace as webhooks know it: a Namespace's is itself. */
export function namespaceOf(attributes: AdmissionAttributes): string {
  return isNamespace(attributes.resource)
    ? attributes.name || (attributes.object?.metadata.name ?? "")
    : attributes.namespace;
}

function matchRules(
  criteria: Criteria,
  attributes: AdmissionAttributes,
  equivalents: (resource: Resource) => readonly Resource[],
): Resource | undefined {
  for (const rule of criteria.rules) {
    if (matchesRule(rule, attributes, attributes.resource)) return attributes.resource;
  }
  if (!criteria.equivalent) return undefined;
  const others = equivalents(attributes.resource);
  if (others.length === 0) return undefined;
  for (const rule of criteria.rules) {
    for (const other of others) if (matchesRule(rule, attributes, other)) return other;
  }
  return undefined;
}

function matchesRule(rule: Rule, attributes: AdmissionAttributes, resource: Resource): boolean {
  return (
    includes(rule.operations, attributes.operation) &&
    includes(rule.groups, resource.group) &&
    includes(rule.versions, resource.version) &&
    rule.resources.some(
      (r) =>
        (r.resource === "*" || r.resource === resource.plural) &&
        (r.subresource === "*" || r.subresource === attributes.subresource),
    ) &&
    matchesScope(rule.scope, attributes) &&
    (rule.names === undefined || rule.names.includes(attributes.name))
  );
}

function includes(items: readonly string[], wanted: string): boolean {
  for (const item of items) if (item === "*" || item === wanted) return true;
  return false;
}

function matchesScope(scope: string, { resource, namespace }: AdmissionAttributes): boolean {
  if (scope === "*") return true;
  const namespaced = namespace !== "" && !isNamespace(resource);
  return scope === "Namespaced" ? namespaced : scope === "Cluster" && !namespaced;
}

function isNamespace(resource: Resource): boolean {
  return resource.group === "" && resource.plural === "namespaces";
}

/** The new or the old object will do. */
function selectsObject(selector: LabelSelector | undefined, attributes: AdmissionAttributes): boolean {
  if (selector === undefined) return true;
  return [attributes.object, attributes.oldObject].some(
    (object: KubeObject | undefined) =>
      object?.metadata !== undefined && selector.matches(object.metadata.labels ?? {}),
  );
}

function selectsNamespace(
  selector: LabelSelector | undefined,
  attributes: AdmissionAttributes,
  namespaces: Lister,
): boolean {
  const itself = isNamespace(attributes.resource);
  if (selector === undefined || (attributes.namespace === "" && !itself)) return true;
  const { operation, object } = attributes;
  if (itself && attributes.subresource === "" && (operation === "CREATE" || operation === "UPDATE")) {
    return selector.matches(object?.metadata.labels ?? {});
  }
  const name = namespaceOf(attributes);
  const namespace = namespaces.get(`//namespaces/${name}`);
  if (namespace === undefined) throw status.notFound({ group: "", resource: "namespaces" }, name);
  return selector.matches(namespace.metadata.labels ?? {});
}

/** Other versions of the same objects, in the registry's order. Found again only when the registry has changed. */
function equivalentResources(registry: ResourceRegistry): (resource: Resource) => readonly Resource[] {
  let generation = -1;
  const byStorage = new Map<string, Resource[]>();
  return (resource) => {
    if (generation !== registry.generation) {
      generation = registry.generation;
      byStorage.clear();
      for (const each of registry.all()) {
        const key = `${each.storage.group}/${each.storage.plural}`;
        const known = byStorage.get(key);
        if (known === undefined) byStorage.set(key, [each]);
        else known.push(each);
      }
    }
    const same = byStorage.get(`${resource.storage.group}/${resource.storage.plural}`) ?? [];
    return same.length < 2 ? [] : same.filter((each) => each !== resource);
  };
}
