import type { AdmissionPlugin } from "../admission/admission.ts";
import type { UserInfo } from "../request.ts";
import type { Storage } from "../storage/storage.ts";
import {
  type AccessAttributes,
  type AccessDecision,
  type Authorizer,
  privilegedGroup,
  type UserRules,
} from "./authorizer.ts";
import { escalationCheck } from "./escalation.ts";
import { type PolicyRule, ruleAllows } from "./policy-rule.ts";
import { type Binding, describeBinding, RbacPolicy } from "./rbac-policy.ts";

export interface Rbac {
  authorizer: Authorizer;
  /** For createAdmission: nobody grants what they do not have. */
  escalationCheck: AdmissionPlugin;
  /** Lets go of the storage. */
  close(): void;
}

/** Role-based access control by the roles and bindings in the storage, as they are at any time. */
export function startRbac(storage: Storage): Rbac {
  const policy = new RbacPolicy(storage);
  const authorizer = rbacAuthorizer(policy);
  return { authorizer, escalationCheck: escalationCheck(policy, authorizer), close: () => policy.close() };
}

/**
 * Allows what roles grant by their bindings (k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/rbac.go), and everything
 * to system:masters.
 */
function rbacAuthorizer(policy: RbacPolicy): Authorizer {
  return {
    authorize(user, attributes) {
      return user.groups.includes(privilegedGroup) ? privileged : decide(policy, user, attributes);
    },
    rulesFor: (user, namespace) => userRules(policy, user, namespace),
  };
}

const privileged: AccessDecision = { allowed: true };

function decide(policy: RbacPolicy, user: UserInfo, attributes: AccessAttributes): AccessDecision {
  let source: Binding | undefined;
  const errors = new Set<string>();
  policy.visit(user, attributes.type === "path" ? "" : attributes.namespace, (rule, binding, error) => {
    if (error !== undefined) errors.add(error.message);
    if (rule === undefined || !ruleAllows(rule, attributes)) return false;
    source = binding;
    return true;
  });
  if (source === undefined) return { allowed: false, ...(errors.size > 0 && { reason: `RBAC: ${aggregate(errors)}` }) };
  const granted = source;
  return {
    allowed: true,
    // Few ask: it is put together for those only.
    get reason() {
      return `RBAC: allowed by ${describeBinding(granted, user)}`;
    },
  };
}

function userRules(policy: RbacPolicy, user: UserInfo, namespace: string): UserRules {
  const rules: PolicyRule[] = [];
  const errors = new Set<string>();
  policy.visit(user, namespace, (rule, _binding, error) => {
    if (rule !== undefined) rules.push(rule);
    if (error !== undefined) errors.add(error.message);
    return false;
  });
  return { rules, ...(errors.size > 0 && { evaluationError: aggregate(errors) }) };
}

/** k8s.io/apimachinery/pkg/util/errors, Aggregate. */
function aggregate(messages: ReadonlySet<string>): string {
  const texts = [...messages];
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(", ")}]`;
}
