import { type KubeObject, StatusError } from "@podwright/kube";
import type { Authorizer } from "../../authorization/authorizer.ts";
import { Conversions, UnansweredConversion } from "../../resources/conversion.ts";
import type { Resource } from "../../resources/resource.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import type { Lister } from "../lister.ts";
import { refuse } from "../refusal.ts";
import { variablesOf } from "../webhooks/match-conditions.ts";
import { type CriteriaMatcher, isExempt, namespaceOf } from "../webhooks/matching.ts";
import { type Denial, evaluatePolicy } from "./evaluate.ts";
import { collectParams, type Params } from "./params.ts";
import { type Binding, type Policy, type PolicyCriteria, policySource } from "./policy.ts";

export interface PoliciesOptions extends Params {
  policies: Lister;
  bindings: Lister;
  namespaces: Lister;
  matches: CriteriaMatcher;
  authorizer: Authorizer;
}

interface Refusal extends Denial {
  policy: Policy;
  binding: Binding;
}

/**
 * ValidatingAdmissionPolicies, evaluated in the process
 * (k8s.io/apiserver/pkg/admission/plugin/policy/validating/dispatcher.go). The action Audit does nothing: this server
 * keeps no audit log.
 */
export function validatingPolicies(options: PoliciesOptions): AdmissionPlugin {
  const policies = policySource(options.policies, options.bindings);
  const matching = ({ includes, excludes }: PolicyCriteria, attributes: AdmissionAttributes): Resource | undefined =>
    options.matches(excludes, attributes) === undefined ? options.matches(includes, attributes) : undefined;

  /** What one binding of a policy that matches the request says. */
  function refusals(
    policy: Policy,
    binding: Binding,
    resource: Resource,
    attributes: AdmissionAttributes,
    conversions: Conversions,
  ): Refusal[] {
    if (binding.matching !== undefined && matching(binding.matching, attributes) === undefined) return [];
    const own = namespaceOf(attributes);
    const isNamespace = attributes.resource.group === "" && attributes.resource.plural === "namespaces";
    const namespace = isNamespace || own === "" ? undefined : options.namespaces.get(`//namespaces/${own}`);
    let params: (KubeObject | undefined)[];
    try {
      params = collectParams(options, policy, binding.paramRef, attributes.namespace, conversions);
    } catch (error) {
      if (error instanceof UnansweredConversion) throw error;
      if (policy.ignoreFailures) return [];
      const message = `failed to configure binding: ${(error as Error).message}`;
      return [{ policy, binding, message, reason: "" }];
    }
    const request = params.length === 0 ? {} : variablesOf(options.authorizer, resource, attributes, conversions);
    const denials = params.flatMap((each) => evaluatePolicy(policy, request, each, namespace));
    if (binding.actions.includes("Warn")) {
      for (const { message } of denials) {
        const about = `ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}'`;
        attributes.warn(`Validation failed for ${about}: ${message}`);
      }
    }
    return binding.actions.includes("Deny") ? denials.map((denial) => ({ ...denial, policy, binding })) : [];
  }

  return {
    name: "ValidatingAdmissionPolicy",
    handles: (attributes) => !isExempt(attributes),
    validate(attributes) {
      const conversions = new Conversions();
      return conversions.run(() => {
        const found: Refusal[] = [];
        for (const policy of policies()) {
          const resource = matching(policy.matching, attributes);
          if (resource === undefined) continue;
          for (const binding of policy.bindings) {
            found.push(...refusals(policy, binding, resource, attributes, conversions));
          }
        }
        const [first] = found;
        if (first !== undefined) throw denied(first, attributes);
      });
    },
  };
}

const codes: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

function denied({ policy, binding, message, reason }: Refusal, attributes: AdmissionAttributes): StatusError {
  const text = `ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}' denied request: ${message}`;
  const refusal = refuse(attributes, text).status;
  return new StatusError({
    ...refusal,
    reason: reason || "Invalid",
    code: codes[reason || "Invalid"] ?? 422,
    details: { ...refusal.details, causes: [...(refusal.details?.causes ?? []), { message: text }] },
  });
}
