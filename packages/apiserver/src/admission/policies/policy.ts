import type { KubeObject, LabelSelectorObject } from "@podwright/kube";
import { admissionEnvironment } from "../../cel/admission-environment.ts";
import type { Environment } from "../../cel/environment.ts";
import type { Program } from "../../cel/program.ts";
import type { Lister } from "../lister.ts";
import { compileRule, compileSelector, type RuleSpec } from "../webhooks/configuration.ts";
import { tryCompile } from "../webhooks/match-conditions.ts";
import type { Criteria } from "../webhooks/matching.ts";

/** A ValidatingAdmissionPolicy, ready to be evaluated, with its bindings. */
export interface Policy {
  name: string;
  matching: PolicyCriteria;
  /** failurePolicy Ignore: what cannot be evaluated is let through. */
  ignoreFailures: boolean;
  paramKind: { apiVersion: string; kind: string } | undefined;
  conditions: (Program | Error)[];
  /** In the order in which they are written: each may use those before it. */
  variables: { name: string; program: Program | Error }[];
  validations: Validation[];
  bindings: Binding[];
}

export interface Validation {
  program: Program | Error;
  message: Program | Error | undefined;
  /** When there is no message's expression, or it gives none. */
  defaultMessage: string;
  /** Of the Status: "Invalid", "Forbidden", "Unauthorized", "RequestEntityTooLarge". */
  reason: string;
}

export interface Binding {
  name: string;
  matching: PolicyCriteria | undefined;
  actions: readonly string[];
  paramRef: ParamRef | undefined;
}

export interface ParamRef {
  name?: string;
  namespace?: string;
  selector?: LabelSelectorObject;
  parameterNotFoundAction?: string;
}

export interface PolicyCriteria {
  includes: Criteria;
  excludes: Criteria;
}

interface PolicySpec {
  paramKind?: { apiVersion: string; kind: string };
  matchConstraints?: MatchResources;
  matchConditions?: { expression: string }[];
  variables?: { name: string; expression: string }[];
  validations?: { expression: string; message?: string; messageExpression?: string; reason?: string }[];
  failurePolicy?: string;
}

interface MatchResources {
  resourceRules?: RuleSpec[];
  excludeResourceRules?: RuleSpec[];
  namespaceSelector?: LabelSelectorObject;
  objectSelector?: LabelSelectorObject;
  matchPolicy?: string;
}

/** The policies that have bindings. Compiled again after a change only. */
export function policySource(policies: Lister, bindings: Lister): () => readonly Policy[] {
  let seen = "";
  let compiled: readonly Policy[] = [];
  return () => {
    const generations = `${policies.generation} ${bindings.generation}`;
    if (generations !== seen) {
      seen = generations;
      const all = bindings.list();
      compiled = policies
        .list()
        .map((policy) => compilePolicy(policy, all))
        .filter((policy) => policy.bindings.length > 0);
    }
    return compiled;
  };
}

/** What a policy's expressions may name. */
export function policyEnvironment(hasParams: boolean): Environment {
  const environment = admissionEnvironment()
    .registerVariable("namespaceObject", "dyn")
    .registerVariable("variables", "dyn");
  return hasParams ? environment.registerVariable("params", "dyn") : environment;
}

function compilePolicy(policy: KubeObject, bindings: readonly KubeObject[]): Policy {
  const spec = (policy["spec"] ?? {}) as PolicySpec;
  const own = bindings.filter((binding) => binding["spec"]?.policyName === policy.metadata.name);
  const environment = policyEnvironment(spec.paramKind !== undefined);
  return {
    name: policy.metadata.name ?? "",
    matching: compileCriteria(spec.matchConstraints ?? {}),
    ignoreFailures: spec.failurePolicy === "Ignore",
    paramKind: spec.paramKind,
    conditions: (spec.matchConditions ?? []).map(({ expression }) => tryCompile(environment, expression, "bool")),
    variables: (spec.variables ?? []).map(({ name, expression }) => ({
      name,
      program: tryCompile(environment, expression, "any"),
    })),
    validations: (spec.validations ?? []).map(({ expression, message = "", messageExpression = "", reason }) => ({
      program: tryCompile(environment, expression, "bool"),
      message: messageExpression === "" ? undefined : tryCompile(environment, messageExpression, "string"),
      defaultMessage: message.trim() || `failed expression: ${expression.trim()}`,
      reason: reason ?? "Invalid",
    })),
    bindings: own.map((binding) => ({
      name: binding.metadata.name ?? "",
      matching: binding["spec"].matchResources && compileCriteria(binding["spec"].matchResources),
      actions: binding["spec"].validationActions ?? [],
      paramRef: binding["spec"].paramRef,
    })),
  };
}

function compileCriteria(resources: MatchResources): PolicyCriteria {
  const selectors = {
    namespaceSelector: compileSelector(resources.namespaceSelector),
    objectSelector: compileSelector(resources.objectSelector),
  };
  const equivalent = resources.matchPolicy !== "Exact";
  const everything = [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] }];
  const rules = resources.resourceRules?.length ? resources.resourceRules : everything;
  return {
    includes: { ...selectors, equivalent, rules: rules.map(compileRule) },
    excludes: {
      namespaceSelector: undefined,
      objectSelector: undefined,
      equivalent,
      rules: (resources.excludeResourceRules ?? []).map(compileRule),
    },
  };
}
