import {
  type KubeObject,
  type LabelSelector,
  type LabelSelectorObject,
  labelSelectorFromObject,
} from "@podwright/kube";
import type { Lister } from "../lister.ts";

/** One webhook of a MutatingWebhookConfiguration or ValidatingWebhookConfiguration, ready to be matched and called. */
export interface Webhook {
  /** Names it among all: configuration, name, and which of that name. */
  id: string;
  name: string;
  clientConfig: ClientConfig;
  rules: Rule[];
  /** Absent: selects everything. */
  namespaceSelector: LabelSelector | undefined;
  objectSelector: LabelSelector | undefined;
  /** matchPolicy Equivalent: other versions of the resource match too. */
  equivalent: boolean;
  /** failurePolicy Ignore: a call that fails counts as allowed. */
  ignoreFailures: boolean;
  /** sideEffects None or NoneOnDryRun. */
  supportsDryRun: boolean;
  timeoutSeconds: number;
  /** The first of admissionReviewVersions that is known here. */
  reviewVersion: "v1" | "v1beta1" | undefined;
  /** reinvocationPolicy IfNeeded. */
  reinvocable: boolean;
  /** CEL expressions, all of which must hold. */
  matchConditions: readonly MatchCondition[];
}

export interface MatchCondition {
  name: string;
  expression: string;
}

export interface ClientConfig {
  url?: string;
  service?: { namespace: string; name: string; path?: string; port?: number };
  /** Base64 of PEM. */
  caBundle?: string;
}

export interface Rule {
  operations: string[];
  groups: string[];
  versions: string[];
  /** Resource and subresource of "pods", "pods/status", "*", "*\/*". */
  resources: { resource: string; subresource: string }[];
  scope: string;
  /** Of policies: only objects of these names. */
  names?: readonly string[];
}

/** The webhooks of all configurations: sorted by the configuration's name, then in its order. Compiled again after a change only. */
export function webhookSource(configurations: Lister): () => readonly Webhook[] {
  let generation = -1;
  let webhooks: readonly Webhook[] = [];
  return () => {
    if (generation !== configurations.generation) {
      generation = configurations.generation;
      webhooks = configurations.list().flatMap(compileConfiguration);
    }
    return webhooks;
  };
}

export interface RuleSpec {
  operations?: string[];
  apiGroups?: string[];
  apiVersions?: string[];
  resources?: string[];
  resourceNames?: string[];
  scope?: string;
}

interface WebhookSpec {
  name: string;
  clientConfig?: ClientConfig;
  rules?: RuleSpec[];
  namespaceSelector?: LabelSelectorObject;
  objectSelector?: LabelSelectorObject;
  matchPolicy?: string;
  failurePolicy?: string;
  sideEffects?: string;
  timeoutSeconds?: number;
  admissionReviewVersions?: string[];
  reinvocationPolicy?: string;
  matchConditions?: MatchCondition[];
}

function compileConfiguration(configuration: KubeObject): Webhook[] {
  const seen = new Map<string, number>();
  return ((configuration["webhooks"] ?? []) as WebhookSpec[]).map((spec) => {
    const index = seen.get(spec.name) ?? 0;
    seen.set(spec.name, index + 1);
    return {
      id: `${configuration.metadata.name}/${spec.name}/${index}`,
      name: spec.name,
      clientConfig: spec.clientConfig ?? {},
      rules: (spec.rules ?? []).map(compileRule),
      namespaceSelector: compileSelector(spec.namespaceSelector),
      objectSelector: compileSelector(spec.objectSelector),
      equivalent: spec.matchPolicy !== "Exact",
      ignoreFailures: spec.failurePolicy === "Ignore",
      supportsDryRun: spec.sideEffects === "None" || spec.sideEffects === "NoneOnDryRun",
      timeoutSeconds: spec.timeoutSeconds ?? 10,
      reviewVersion: (spec.admissionReviewVersions ?? []).find(isKnown),
      reinvocable: spec.reinvocationPolicy === "IfNeeded",
      matchConditions: spec.matchConditions ?? [],
    };
  });
}

export function compileRule(rule: RuleSpec): Rule {
  return {
    operations: rule.operations ?? [],
    groups: rule.apiGroups ?? [],
    versions: rule.apiVersions ?? [],
    resources: (rule.resources ?? []).map(splitResource),
    scope: rule.scope ?? "*",
    ...(rule.resourceNames?.length && { names: rule.resourceNames }),
  };
}

function isKnown(version: string): version is "v1" | "v1beta1" {
  return version === "v1" || version === "v1beta1";
}

export function compileSelector(selector: LabelSelectorObject | undefined): LabelSelector | undefined {
  const requirements = Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length;
  return requirements === 0 ? undefined : labelSelectorFromObject(selector);
}

function splitResource(text: string): { resource: string; subresource: string } {
  const slash = text.indexOf("/");
  return slash < 0
    ? { resource: text, subresource: "" }
    : { resource: text.slice(0, slash), subresource: text.slice(slash + 1) };
}
