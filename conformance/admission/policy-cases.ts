import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";

type Json = Record<string, unknown>;

const registration = "/apis/admissionregistration.k8s.io/v1";
const policies = `${registration}/validatingadmissionpolicies`;
const bindings = `${registration}/validatingadmissionpolicybindings`;
const configMaps = "/api/v1/namespaces/default/configmaps";

function remove(path: string): Exchange {
  return { title: `delete ${path}`, method: "DELETE", path, silent: true };
}

/** A policy about ConfigMaps with the label probe=NAME. */
function policy(name: string, spec: Json): Json {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      matchConstraints: {
        objectSelector: { matchLabels: { probe: name } },
        resourceRules: [
          { operations: ["CREATE", "UPDATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] },
        ],
      },
      ...spec,
    },
  };
}

function binding(name: string, spec: Json): Json {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: { policyName: name, validationActions: ["Deny"], ...spec },
  };
}

const create = (title: string, path: string, body: Json, query = ""): Exchange => ({
  title,
  method: "POST",
  path: `${path}${query}`,
  body,
});

function configMap(name: string, probe: string, data: Json = { a: "b" }): Json {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { probe } }, data };
}

/** A policy with a binding, in force: what is named "wait" is refused by the first validation. */
function inForce(name: string, spec: Json, bound: Json = {}): Exchange[] {
  const validations = [{ expression: "object.metadata.name != 'wait'", message: "wait" }];
  const full = { ...spec, validations: [...validations, ...((spec["validations"] as Json[] | undefined) ?? [])] };
  return [
    remove(`${policies}/${name}`),
    remove(`${bindings}/${name}`),
    { ...create(`policy ${name}`, policies, policy(name, full)), silent: true },
    { ...create(`binding ${name}`, bindings, binding(name, bound)), silent: true },
    {
      ...create(`wait for ${name}`, configMaps, configMap("wait", name), "?dryRun=All"),
      until: (answer) => (answer as { code?: number }).code === 422,
      silent: true,
    },
  ];
}

const probe = (title: string, name: string, data: Json, path = configMaps): Exchange =>
  create(title, path, configMap("probe", name, data), "?dryRun=All");

export function policyDecisions(): Case {
  const rules = "policy-rules";
  const params = "policy-params";
  const warns = "policy-warns";
  const ignores = "policy-ignores";
  const all = [rules, params, warns, ignores];
  return {
    name: "policies",
    exchanges: [
      remove(`${configMaps}/policy-limits`),
      { ...create("parameters", configMaps, configMap("policy-limits", "none", { limit: "2" })), silent: true },
      ...inForce(rules, {
        matchConditions: [{ name: "not-skipped", expression: "!has(object.data.skip)" }],
        variables: [
          { name: "count", expression: "size(object.data)" },
          { name: "many", expression: "variables.count > 2" },
        ],
        validations: [
          { expression: "!variables.many", messageExpression: "'has ' + string(variables.count) + ' keys'" },
          { expression: "!has(object.data.secret)", reason: "Forbidden" },
          { expression: "object.data.a.matches('^[a-z]+$')", message: "a is lower case" },
          { expression: "namespaceObject.metadata.name == 'default'" },
          { expression: "request.operation == 'CREATE' && oldObject == null" },
        ],
      }),
      ...inForce(
        params,
        {
          paramKind: { apiVersion: "v1", kind: "ConfigMap" },
          validations: [{ expression: "size(object.data) <= int(params.data.limit)", message: "over the limit" }],
        },
        { paramRef: { name: "policy-limits", namespace: "default", parameterNotFoundAction: "Deny" } },
      ),
      ...inForce(ignores, {
        failurePolicy: "Ignore",
        validations: [{ expression: "object.data.missing == 'x'" }],
      }),
      ...inForce(warns, { validations: [{ expression: "false", message: "never" }] }),
      {
        title: "warn instead",
        method: "PATCH",
        path: `${bindings}/${warns}`,
        contentType: "application/merge-patch+json",
        body: { spec: { validationActions: ["Warn"] } },
        silent: true,
      },
      {
        ...probe("wait until it warns", warns, { a: "b" }),
        until: (answer) => (answer as { kind?: string }).kind === "ConfigMap",
        silent: true,
      },
      probe("allowed", rules, { a: "b" }),
      probe("a variable", rules, { a: "b", c: "d", e: "f" }),
      probe("a reason", rules, { a: "b", secret: "x" }),
      probe("a message", rules, { a: "B" }),
      probe("an evaluation fails", rules, { b: "c" }),
      probe("conditions leave it out", rules, { skip: "yes", a: "B" }),
      probe("within the limit", params, { a: "b" }),
      probe("over the limit", params, { a: "b", c: "d", e: "f" }),
      probe("warns", warns, { a: "b" }),
      probe("a failure is ignored", ignores, { a: "b" }),
      ...all.flatMap((name) => [remove(`${bindings}/${name}`), remove(`${policies}/${name}`)]),
      remove(`${configMaps}/policy-limits`),
    ],
  };
}

/** Loops over all keys of data in each other: about 9 n³. */
const thrice = "object.data.all(k, object.data.all(l, object.data.all(m, k + l + m != '')))";
const keys = (count: number): Json => Object.fromEntries(Array.from({ length: count }, (_unused, i) => [`k${i}`, "v"]));

/** Policies whose expressions cost too much, each a case of its own: a real server takes its time. */
export function policyCosts(): Case[] {
  const twelve = <T>(make: (index: number) => T): T[] => Array.from({ length: 12 }, (_unused, index) => make(index));
  const many = twelve(() => ({ expression: thrice }));
  const costs = (about: string, spec: Json): Case => {
    const name = `policy-dear-${about}`;
    return {
      name: `costs of policies: ${about}`,
      exchanges: [
        ...inForce(name, spec),
        probe("cheap", name, keys(3)),
        probe("within the limit of one and of all", name, keys(40)),
        probe("within the limit of one", name, keys(47)),
        probe("over the limit of one", name, keys(60)),
        remove(`${bindings}/${name}`),
        remove(`${policies}/${name}`),
      ],
    };
  };
  return [
    costs("validations", { validations: [...many, { expression: "object.data.size() > 0" }] }),
    costs("conditions", {
      matchConditions: ["a", "b", "c"].map((name) => ({
        name,
        expression: `object.metadata.name == 'wait' || ${thrice}`,
      })),
      validations: [{ expression: "false", message: "the conditions hold" }],
    }),
    costs("ignored", { failurePolicy: "Ignore", validations: many }),
    costs("messages", {
      validations: twelve((index) => ({
        expression: `object.metadata.name == 'wait' || object.data.size() < 50 - ${index}`,
        messageExpression: `${thrice} ? 'message ${index}' : 'other'`,
      })),
    }),
    costs("variables", {
      variables: twelve((index) => ({ name: `v${index}`, expression: thrice })),
      validations: [{ expression: twelve((index) => `variables.v${index}`).join(" && "), message: "variables" }],
    }),
  ];
}

export function invalidPolicies(): Case {
  const make = (title: string, spec: Json): Exchange => create(title, policies, policy("invalid", spec), "?dryRun=All");
  const bind = (title: string, spec: Json): Exchange =>
    create(title, bindings, binding("invalid", spec), "?dryRun=All");
  const fine = [{ expression: "true" }];
  return {
    name: "policy validation",
    exchanges: [
      make("policy: defaults", { validations: fine }),
      make("policy: nothing", { matchConstraints: undefined }),
      make("policy: no rules", { matchConstraints: {}, validations: fine }),
      make("policy: expressions", {
        validations: [
          { expression: " " },
          { expression: "1" },
          { expression: "true", message: " ", messageExpression: "1", reason: "Bad" },
        ],
      }),
      make("policy: variables", {
        variables: [{ name: "a-b", expression: "1" }, { expression: "1" }, { name: "x", expression: "nothing.y" }],
        validations: fine,
      }),
      make("policy: params without a kind", { validations: [{ expression: "params.x == 1" }] }),
      make("policy: kind of params", { paramKind: { apiVersion: "a/b/c", kind: "1" }, validations: fine }),
      make("policy: conditions", { matchConditions: [{ name: "a b", expression: "1" }], validations: fine }),
      make("policy: failurePolicy", { failurePolicy: "Maybe", validations: fine }),
      bind("binding: nothing", { policyName: "", validationActions: [] }),
      bind("binding: actions", { validationActions: ["Deny", "Warn", "Warn", "Shout"] }),
      bind("binding: params", { paramRef: {} }),
      bind("binding: both", { paramRef: { name: "a", selector: {}, parameterNotFoundAction: "Maybe" } }),
    ],
  };
}
