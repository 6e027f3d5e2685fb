import type { Answer, Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

const group = "rbac.authorization.k8s.io";
const rbac = `/apis/${group}/v1`;
const reviews = "/apis/authorization.k8s.io/v1";
const configMaps = "/api/v1/namespaces/default/configmaps";
const pods = "/api/v1/namespaces/default/pods";

type As = Exchange["as"];
const user = (name: string, ofGroup?: string): NonNullable<As> => ({ user: name, ...(ofGroup && { group: ofGroup }) });

interface Rule {
  apiGroups?: string[];
  resources?: string[];
  verbs: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

const role = (name: string, rules: Rule[]) => ({
  apiVersion: `${group}/v1`,
  kind: "Role",
  metadata: { name },
  rules,
});
const clusterRole = (name: string, rules: Rule[], rest: object = {}) => ({
  ...role(name, rules),
  kind: "ClusterRole",
  ...rest,
});
const roleBinding = (name: string, kind: string, roleName: string, subject: object) => ({
  apiVersion: `${group}/v1`,
  kind: "RoleBinding",
  metadata: { name },
  roleRef: { apiGroup: group, kind, name: roleName },
  subjects: [subject],
});
const clusterRoleBinding = (name: string, roleName: string, subject: object) => ({
  ...roleBinding(name, "ClusterRole", roleName, subject),
  kind: "ClusterRoleBinding",
});
const toUser = (name: string) => ({ kind: "User", apiGroup: group, name });

const create = (title: string, path: string, body: object, as?: As): Exchange => ({
  title,
  method: "POST",
  path,
  body,
  ...(as && { as }),
});
const given = (path: string, body: object): Exchange => ({ ...create(JSON.stringify(body), path, body), silent: true });
const get = (title: string, path: string, as?: As): Exchange => ({ title, method: "GET", path, ...(as && { as }) });
const drop = (path: string): Exchange => ({ title: `delete ${path}`, method: "DELETE", path, silent: true });

const roles = `${rbac}/namespaces/default/roles`;
const roleBindings = `${rbac}/namespaces/default/rolebindings`;
const clusterRoles = `${rbac}/clusterroles`;
const clusterRoleBindings = `${rbac}/clusterrolebindings`;

/** Upstream sees a new role a moment after it was written: ask until it does. */
const allowed = (as: string, attributes: object): Exchange => ({
  title: `wait for ${as}: ${JSON.stringify(attributes)}`,
  method: "POST",
  path: `${reviews}/subjectaccessreviews`,
  body: subjectReview(as, attributes),
  silent: true,
  until: (body) => (body as { status: { allowed: boolean } }).status.allowed,
});
function subjectReview(name: string, resourceAttributes: object, groups?: string[]): object {
  return {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user: name, ...(groups && { groups }), resourceAttributes },
  };
}
const selfReview = (spec: object): object => ({
  apiVersion: "authorization.k8s.io/v1",
  kind: "SelfSubjectAccessReview",
  spec,
});

const reader: Rule = { apiGroups: [""], resources: ["configmaps", "pods/log", "*/scale"], verbs: ["get", "list"] };
const inDefault = { verb: "list", resource: "configmaps", namespace: "default" };

export const cases: Case[] = [
  {
    name: "the right to patch or update is not the right to create",
    exchanges: [
      given(
        roles,
        role("patcher", [
          { apiGroups: [""], resources: ["configmaps"], verbs: ["patch"] },
          { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["update"] },
        ]),
      ),
      given(roleBindings, roleBinding("patcher", "Role", "patcher", toUser("patcher"))),
      {
        title: "an apply that would create",
        method: "PATCH",
        path: `${configMaps}/applied?fieldManager=m`,
        body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" } },
        contentType: "application/apply-patch+yaml",
        as: user("patcher"),
      },
      {
        title: "an update that would create",
        method: "PUT",
        path: "/apis/coordination.k8s.io/v1/namespaces/default/leases/l",
        body: { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "l" } },
        as: user("patcher"),
      },
      drop(`${roleBindings}/patcher`),
      drop(`${roles}/patcher`),
    ],
  },
  {
    name: "who has no roles",
    exchanges: [
      get("may not get an object", `${configMaps}/a`, user("nobody")),
      get("may not list a namespace", configMaps, user("nobody")),
      get("may not list all namespaces", "/apis/apps/v1/deployments", user("nobody")),
      get("may not watch", `${configMaps}?watch=true`, user("nobody")),
      get("may not list by name", `${configMaps}?fieldSelector=metadata.name%3Da`, user("nobody")),
      get("may not get a namespace", "/api/v1/namespaces/default", user("nobody")),
      get("may not get a node", "/api/v1/nodes/n", user("nobody")),
      get("may not read logs", `${pods}/p/log`, user("nobody")),
      get("may not exec by GET", `${pods}/p/exec?command=ls`, user("nobody")),
      create("may not create", configMaps, { metadata: { name: "a" } }, user("nobody")),
      { title: "may not update", method: "PUT", path: `${configMaps}/a`, body: {}, as: user("nobody") },
      {
        title: "may not patch",
        method: "PATCH",
        path: `${configMaps}/a`,
        body: {},
        contentType: "application/merge-patch+json",
        as: user("nobody"),
      },
      { title: "may not delete", method: "DELETE", path: `${configMaps}/a`, as: user("nobody") },
      { title: "may not delete a collection", method: "DELETE", path: configMaps, as: user("nobody") },
      { ...get("may ask for the version", "/version", user("nobody")), differs: "the build" },
      { ...get("may ask for discovery", "/apis/apps", user("nobody")) },
      get("may not read metrics", "/metrics", user("nobody")),
      get("anonymous may not ask for discovery", "/apis/apps", user("system:anonymous")),
      { ...get("anonymous may ask for the version", "/version", user("system:anonymous")), differs: "the build" },
      get("a name is escaped", `${configMaps}/a`, user("<b>&co")),
      get("an unknown resource is forbidden before it is not found", "/apis/a.b/v1/things", user("nobody")),
    ],
  },
  {
    name: "roles and bindings",
    exchanges: [
      given(roles, role("reader", [reader])),
      given(roleBindings, roleBinding("reader", "Role", "reader", toUser("reader"))),
      allowed("reader", inDefault),
      { ...get("a user with a role reads", configMaps, user("reader")), differs: "what is there" },
      get("and writes nothing", `${configMaps}/a`, user("reader")),
      get("not in other namespaces", "/api/v1/namespaces/kube-system/configmaps", user("reader")),
      get("not in all namespaces", "/api/v1/configmaps", user("reader")),
      get("a subresource goes by its own name", `${pods}/p`, user("reader")),
      get("and is allowed by it", `${pods}/p/log`, user("reader")),
      { title: "a verb that is not granted", method: "DELETE", path: `${configMaps}/a`, as: user("reader") },
      given(roles, role("named", [{ apiGroups: [""], resources: ["configmaps"], verbs: ["*"], resourceNames: ["a"] }])),
      given(
        roleBindings,
        roleBinding("named", "Role", "named", { kind: "ServiceAccount", name: "named", namespace: "default" }),
      ),
      allowed("system:serviceaccount:default:named", { ...inDefault, verb: "get", name: "a" }),
      get("a named object", `${configMaps}/a`, user("system:serviceaccount:default:named")),
      get("no other", `${configMaps}/b`, user("system:serviceaccount:default:named")),
      get("no list", configMaps, user("system:serviceaccount:default:named")),
      {
        ...get(
          "a list of it",
          `${configMaps}?fieldSelector=metadata.name%3Da`,
          user("system:serviceaccount:default:named"),
        ),
      },
      create(
        "no creation, which has no name",
        configMaps,
        { metadata: { name: "a" } },
        user("system:serviceaccount:default:named"),
      ),
      given(clusterRoles, clusterRole("h5-paths", [{ nonResourceURLs: ["/metrics/*"], verbs: ["get"] }])),
      given(
        clusterRoleBindings,
        clusterRoleBinding("h5-paths", "h5-paths", { kind: "Group", apiGroup: group, name: "h5" }),
      ),
      {
        title: "wait for the group",
        method: "POST",
        path: `${reviews}/subjectaccessreviews`,
        body: {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SubjectAccessReview",
          spec: { user: "x", groups: ["h5"], nonResourceAttributes: { verb: "get", path: "/metrics/x" } },
        },
        until: (body) => (body as { status: { allowed: boolean } }).status.allowed,
      },
      get("a path above the granted ones", "/metrics", user("x", "h5")),
      drop(`${clusterRoles}/h5-paths`),
      drop(`${clusterRoleBindings}/h5-paths`),
    ],
  },
  {
    name: "reviews",
    exchanges: [
      create("allowed by a role", `${reviews}/subjectaccessreviews`, subjectReview("reader", inDefault)),
      create("denied", `${reviews}/subjectaccessreviews`, subjectReview("nobody", inDefault)),
      create(
        "allowed to system:masters",
        `${reviews}/subjectaccessreviews`,
        subjectReview("x", inDefault, ["system:masters"]),
      ),
      create(
        "a subresource by a star",
        `${reviews}/subjectaccessreviews`,
        subjectReview("reader", { ...inDefault, verb: "get", group: "", resource: "things", subresource: "scale" }),
      ),
      create(
        "of oneself",
        `${reviews}/selfsubjectaccessreviews`,
        selfReview({ resourceAttributes: inDefault }),
        user("reader"),
      ),
      create(
        "of a path",
        `${reviews}/selfsubjectaccessreviews`,
        selfReview({ nonResourceAttributes: { verb: "get", path: "/openapi/v3" } }),
        user("nobody"),
      ),
      create(
        "needs a right itself",
        `${reviews}/subjectaccessreviews`,
        subjectReview("nobody", inDefault),
        user("nobody"),
      ),
      create("in a namespace", `${reviews}/namespaces/default/localsubjectaccessreviews`, {
        apiVersion: "authorization.k8s.io/v1",
        kind: "LocalSubjectAccessReview",
        metadata: { namespace: "default" },
        spec: { user: "reader", resourceAttributes: inDefault },
      }),
      given(roleBindings, roleBinding("dangling", "ClusterRole", "h5-missing", toUser("dangling"))),
      {
        ...create(
          "a binding without its role",
          `${reviews}/subjectaccessreviews`,
          subjectReview("dangling", inDefault),
        ),
        until: (body) => (body as { status: { reason?: string } }).status.reason !== undefined,
      },
      get("and what its user is told", configMaps, user("dangling")),
      create(
        "all rules",
        `${reviews}/selfsubjectrulesreviews`,
        { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace: "default" } },
        user("reader"),
      ),
      create(
        "all rules, but some roles are missing",
        `${reviews}/selfsubjectrulesreviews`,
        { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectRulesReview", spec: { namespace: "default" } },
        user("dangling"),
      ),
      create("all rules of nowhere", `${reviews}/selfsubjectrulesreviews`, {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
        spec: {},
      }),
    ],
  },
  {
    name: "escalation",
    exchanges: [
      given(
        roles,
        role("delegate", [
          { apiGroups: [group], resources: ["roles", "rolebindings"], verbs: ["create", "update", "get"] },
        ]),
      ),
      given(roleBindings, roleBinding("delegate", "Role", "delegate", toUser("delegate"))),
      given(roleBindings, roleBinding("delegate-view", "ClusterRole", "system:basic-user", toUser("delegate"))),
      allowed("delegate", { verb: "create", group, resource: "roles", namespace: "default" }),
      create("a role of more than one has", roles, role("more", [reader]), user("delegate")),
      create(
        "of many things",
        roles,
        role("many", [
          { apiGroups: ["apps", ""], resources: ["deployments"], verbs: ["get"], resourceNames: ["a", "b"] },
          { apiGroups: [""], resources: ["pods"], verbs: ["create"] },
        ]),
        user("delegate", "team"),
      ),
      create(
        "a role of what one has",
        roles,
        role("same", [{ apiGroups: [group], resources: ["roles"], verbs: ["get"] }]),
        user("delegate"),
      ),
      {
        title: "an update to more",
        method: "PUT",
        path: `${roles}/same`,
        body: role("same", [{ apiGroups: [group], resources: ["*"], verbs: ["get"] }]),
        as: user("delegate"),
      },
      create(
        "a binding of a role one does not have",
        roleBindings,
        roleBinding("more", "Role", "reader", toUser("delegate")),
        user("delegate"),
      ),
      create(
        "a binding of a role that is not there",
        roleBindings,
        roleBinding("more", "Role", "missing", toUser("delegate")),
        user("delegate"),
      ),
      create(
        "a binding of a cluster role that is not there",
        roleBindings,
        roleBinding("more", "ClusterRole", "h5-missing", toUser("delegate")),
        user("delegate"),
      ),
      create(
        "a binding of a role one has",
        roleBindings,
        roleBinding("same", "Role", "same", toUser("other")),
        user("delegate"),
      ),
      given(
        roles,
        role("binder", [
          { apiGroups: [group], resources: ["roles"], verbs: ["bind"], resourceNames: ["reader"] },
          { apiGroups: [group], resources: ["roles"], verbs: ["escalate"] },
        ]),
      ),
      given(roleBindings, roleBinding("binder", "Role", "binder", toUser("delegate"))),
      allowed("delegate", { verb: "escalate", group, resource: "roles", namespace: "default" }),
      create("a role with the verb escalate", roles, role("more", [reader]), user("delegate")),
      create(
        "a binding with the verb bind",
        roleBindings,
        roleBinding("more", "Role", "reader", toUser("delegate")),
        user("delegate"),
      ),
      given(
        clusterRoles,
        clusterRole("h5-creator", [{ apiGroups: [group], resources: ["clusterroles"], verbs: ["create", "get"] }]),
      ),
      given(clusterRoleBindings, clusterRoleBinding("h5-creator", "h5-creator", toUser("creator"))),
      allowed("creator", { verb: "create", group, resource: "clusterroles" }),
      create(
        "an aggregating role",
        clusterRoles,
        clusterRole("h5-aggregate", [], {
          aggregationRule: { clusterRoleSelectors: [{ matchLabels: { "h5.example/none": "true" } }] },
        }),
        user("creator"),
      ),
      drop(`${clusterRoles}/h5-creator`),
      drop(`${clusterRoleBindings}/h5-creator`),
    ],
  },
];

/** Upstream goes through bindings in any order. */
export function inOrder(answer: Answer): Answer {
  const status = (answer.body as { status?: { resourceRules?: unknown[]; nonResourceRules?: unknown[] } }).status;
  for (const rules of [status?.resourceRules, status?.nonResourceRules]) {
    rules?.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  return answer;
}
