import { type KubeObject, status } from "@podwright/kube";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission/admission.ts";
import { equalJson } from "../resources/equal.ts";
import { type Authorizer, privilegedGroup } from "./authorizer.ts";
import { describeRules, missingRules, type PolicyRule, quoteAll } from "./policy-rule.ts";
import { notFound, type RbacPolicy, type RoleRef } from "./rbac-policy.ts";

const group = "rbac.authorization.k8s.io";
const plurals: ReadonlySet<string> = new Set(["roles", "clusterroles", "rolebindings", "clusterrolebindings"]);
const fullAuthority: readonly PolicyRule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

/**
 * Lets nobody grant what they do not have: who writes a role must have its rules or the verb "escalate", who writes a
 * binding must have its role's rules or the verb "bind" (k8s.io/kubernetes/pkg/registry/rbac/escalation_check.go,
 * role/policybased/storage.go and its like). Upstream does it behind the mutating webhooks and before validation: so does this.
 */
export function escalationCheck(policy: RbacPolicy, authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "RBACEscalation",
    handles: ({ resource, operation, subresource, user }) =>
      resource.group === group &&
      (operation === "CREATE" || operation === "UPDATE") &&
      subresource === "" &&
      plurals.has(resource.plural) &&
      !user.groups.includes(privilegedGroup),
    async mutate(attributes) {
      const { oldObject, resource } = attributes;
      const object = attributes.object as KubeObject;
      const isRole = resource.plural.endsWith("roles");
      if (isRole && (await mayEscalate(authorizer, attributes))) return;
      if (oldObject !== undefined && changesOnlyCollection(object, oldObject)) return;
      if (isRole) checkRole(policy, attributes, object);
      else await checkBinding(policy, authorizer, attributes, object["roleRef"] as RoleRef | undefined);
    },
  };
}

function checkRole(policy: RbacPolicy, attributes: AdmissionAttributes, object: KubeObject): void {
  confirmHeld(policy, attributes, object["rules"] ?? []);
  if (!aggregates(object) && !aggregates(attributes.oldObject)) return;
  if (missingRules(heldRules(policy, attributes).rules, fullAuthority).length === 0) return;
  throw forbidden(attributes, "must have cluster-admin privileges to use the aggregationRule");
}

function aggregates(role: KubeObject | undefined): boolean {
  return (role?.["aggregationRule"]?.clusterRoleSelectors ?? []).length > 0;
}

async function checkBinding(
  policy: RbacPolicy,
  authorizer: Authorizer,
  attributes: AdmissionAttributes,
  roleRef: RoleRef | undefined,
): Promise<void> {
  const { kind = "", name = "", apiGroup = group } = roleRef ?? {};
  const { namespace, user } = attributes;
  if (kind !== "Role" && kind !== "ClusterRole") {
    throw status.internalError(`unsupported role reference kind: ${JSON.stringify(kind)}`);
  }
  const resource = kind === "Role" ? "roles" : "clusterroles";
  const bind = { type: "resource", verb: "bind", group: apiGroup, version: "*", subresource: "" } as const;
  const { allowed } = await authorizer.authorize(user, { ...bind, resource, namespace, name });
  if (allowed) return;
  const rules = policy.rulesOf({ apiGroup, kind, name }, namespace);
  // Upstream's storage of roles names the resource of the request.
  if (rules === undefined) throw notFound(attributes.resource.plural, name);
  confirmHeld(policy, attributes, rules);
}

async function mayEscalate(authorizer: Authorizer, attributes: AdmissionAttributes): Promise<boolean> {
  const { user, resource, namespace, operation } = attributes;
  // A request to create has no name in its path.
  const name = operation === "CREATE" ? "" : attributes.name;
  const escalate = { type: "resource", verb: "escalate", group, version: "*", subresource: "" } as const;
  return (await authorizer.authorize(user, { ...escalate, resource: resource.plural, namespace, name })).allowed;
}

function confirmHeld(policy: RbacPolicy, attributes: AdmissionAttributes, wanted: readonly PolicyRule[]): void {
  const { rules, errors } = heldRules(policy, attributes);
  const missing = missingRules(rules, wanted);
  if (missing.length === 0) return;
  const { username, groups } = attributes.user;
  const who = `user ${JSON.stringify(username)} (groups=${quoteAll(groups)})`;
  const resolution = errors.length === 0 ? "" : `; resolution errors: [${errors.join(" ")}]`;
  const message = `${who} is attempting to grant RBAC permissions not currently held:\n${describeRules(missing)}${resolution}`;
  throw forbidden(attributes, message);
}

function heldRules(policy: RbacPolicy, { user, namespace }: AdmissionAttributes) {
  const rules: PolicyRule[] = [];
  const errors: string[] = [];
  policy.visit(user, namespace, (rule, _binding, error) => {
    if (rule !== undefined) rules.push(rule);
    if (error !== undefined) errors.push(error.message);
    return false;
  });
  return { rules, errors };
}

function forbidden({ resource, object, name }: AdmissionAttributes, message: string): Error {
  return status.forbidden({ group, resource: resource.plural }, object?.metadata.name ?? name, message);
}

/** What the garbage collector writes, which holds no roles itself (pkg/registry/rbac/helpers.go). */
function changesOnlyCollection(object: KubeObject, old: KubeObject): boolean {
  const rest = ({ metadata, ...fields }: KubeObject) => {
    const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _managed, ...others } = metadata;
    return { ...fields, metadata: others };
  };
  return equalJson(rest(object), rest(old));
}
