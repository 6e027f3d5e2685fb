import { quote } from "@podwright/kube";
import type { AccessAttributes } from "./authorizer.ts";

/** A rule of a Role or ClusterRole: verbs on resources, or on paths that are no resources. */
export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

/** Does the rule allow this (k8s.io/kubernetes/pkg/apis/rbac/v1/evaluation_helpers.go)? */
export function ruleAllows(rule: PolicyRule, attributes: AccessAttributes): boolean {
  if (!hasOrAll(rule.verbs, attributes.verb)) return false;
  if (attributes.type === "path") return (rule.nonResourceURLs ?? []).some((url) => urlCovers(url, attributes.path));
  const { group, resource, subresource, name } = attributes;
  return (
    hasOrAll(rule.apiGroups, group) &&
    hasResource(rule.resources, resource, subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(name))
  );
}

function hasOrAll(items: readonly string[] | undefined, wanted: string): boolean {
  for (const item of items ?? []) if (item === "*" || item === wanted) return true;
  return false;
}

function hasResource(items: readonly string[] | undefined, resource: string, subresource: string): boolean {
  const combined = subresource === "" ? resource : `${resource}/${subresource}`;
  if (hasOrAll(items, combined)) return true;
  return subresource !== "" && (items ?? []).includes(`*/${subresource}`);
}

/** "/healthz", or "/healthz/*" for all below. */
function urlCovers(url: string, path: string): boolean {
  if (url === path) return true;
  return url.endsWith("*") && path.startsWith(url.replace(/\*+$/, ""));
}

/** What of the wanted rules the owned ones do not cover, in rules of one verb on one thing (policy_comparator.go). */
export function missingRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((simple) => !owned.some((rule) => ruleCovers(rule, simple)));
}

function breakDown(rule: PolicyRule): PolicyRule[] {
  const simple: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const one = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (!rule.resourceNames?.length) simple.push(one);
        else for (const name of rule.resourceNames) simple.push({ ...one, resourceNames: [name] });
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) {
    for (const verb of rule.verbs) simple.push({ nonResourceURLs: [url], verbs: [verb] });
  }
  return simple;
}

/** `simple` has at most one of everything. */
function ruleCovers(owned: PolicyRule, simple: PolicyRule): boolean {
  return (
    hasOrAll(owned.verbs, simple.verbs[0] as string) &&
    (simple.apiGroups === undefined || hasOrAll(owned.apiGroups, simple.apiGroups[0] as string)) &&
    (simple.resources === undefined || resourceCovers(owned.resources ?? [], simple.resources[0] as string)) &&
    (simple.nonResourceURLs ?? []).every((path) => (owned.nonResourceURLs ?? []).some((url) => urlCovers(url, path))) &&
    (!owned.resourceNames?.length || owned.resourceNames.includes(simple.resourceNames?.[0] ?? ""))
  );
}

function resourceCovers(owned: readonly string[], resource: string): boolean {
  if (hasOrAll(owned, resource)) return true;
  const slash = resource.indexOf("/");
  return slash >= 0 && owned.includes(`*/${resource.slice(slash + 1)}`);
}

/**
 * Simple rules as error messages have them: verbs on the same thing together, a line each, sorted
 * (pkg/registry/rbac/validation/policy_compact.go, pkg/apis/rbac/v1/evaluation_helpers.go).
 */
export function describeRules(rules: readonly PolicyRule[]): string {
  const merged = new Map<string, PolicyRule>();
  for (const { verbs, ...rest } of rules) {
    const key = rest.nonResourceURLs === undefined ? JSON.stringify(rest) : JSON.stringify({ verbs, ...rest });
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { ...rest, verbs: [...verbs] });
    else known.verbs.push(...verbs);
  }
  return [...new Set([...merged.values()].map(describe))].sort().join("\n");
}

function describe(rule: PolicyRule): string {
  const parts: [string, string[] | undefined][] = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ];
  const texts = parts.filter(([, items]) => items?.length).map(([name, items]) => `${name}:${quoteAll(items ?? [])}`);
  return `{${texts.join(", ")}}`;
}

/** A slice as Go's %q prints it. */
export function quoteAll(items: readonly string[]): string {
  return `[${items.map(quote).join(" ")}]`;
}
