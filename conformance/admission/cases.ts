import type { Exchange } from "../differential/exchange.ts";
import type { Case } from "../differential/recorded.ts";
import { invalidPolicies, policyCosts, policyDecisions } from "./policy-cases.ts";
import { answers } from "./webhook-server.ts";

type Json = Record<string, unknown>;

/** Where a configuration's webhooks are and who signed their certificate: known when the server is up. */
export const webhookUrl = "https://127.0.0.1:WEBHOOK";
export const caBundle = "CABUNDLE";
/** Nobody listens there. */
const closedUrl = "https://127.0.0.1:1";

const registration = "/apis/admissionregistration.k8s.io/v1";
const configMaps = "/api/v1/namespaces/default/configmaps";

type Kind = "Mutating" | "Validating";

function webhook(name: string, path: string, fields: Json = {}): Json {
  return {
    name: `${name}.example.com`,
    clientConfig: { url: `${webhookUrl}/${path}`, caBundle },
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
    timeoutSeconds: 1,
    objectSelector: { matchLabels: { probe: name } },
    rules: [{ operations: ["CREATE"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*/*"] }],
    ...fields,
  };
}

const plural = (kind: Kind) => `${kind.toLowerCase()}webhookconfigurations`;

/** Puts the configuration in force: waits until its last webhook, which denies, is heard of. */
function configure(kind: Kind, name: string, webhooks: Json[]): Exchange[] {
  const ready = `ready-${name}`;
  return [
    remove(`${registration}/${plural(kind)}/${name}`),
    {
      title: `configure ${name}`,
      method: "POST",
      path: `${registration}/${plural(kind)}`,
      body: {
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: `${kind}WebhookConfiguration`,
        metadata: { name },
        webhooks: [...webhooks, webhook(ready, "deny")],
      },
      silent: true,
    },
    {
      ...createMap(`wait for ${name}`, "ready", ready, "?dryRun=All"),
      until: (answer) => (answer as { code?: number }).code === 400,
      silent: true,
    },
  ];
}

function remove(path: string): Exchange {
  return { title: `delete ${path}`, method: "DELETE", path, silent: true };
}

function configMap(name: string, probe: string): Json {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels: { probe } }, data: { a: "b" } };
}

function createMap(title: string, name: string, probe: string, query = ""): Exchange {
  return { title, method: "POST", path: `${configMaps}${query}`, body: configMap(name, probe) };
}

function answersOf(kind: Kind): Case {
  const name = `answers-${kind.toLowerCase()}`;
  const prefix = kind.toLowerCase();
  const modes = Object.keys(answers);
  const special: Json[] = [
    webhook("refused", "", { clientConfig: { url: `${closedUrl}/x`, caBundle } }),
    webhook("no-ca", "", { clientConfig: { url: `${webhookUrl}/allow` } }),
    webhook("service", "", {
      clientConfig: { service: { namespace: "default", name: "nosvc", path: "/x" }, caBundle },
    }),
    webhook("v1beta1", "label", { admissionReviewVersions: ["v2", "v1beta1", "v1"] }),
    webhook("ignored", "http-500", { failurePolicy: "Ignore" }),
    webhook("exact", "deny", {
      matchPolicy: "Exact",
      rules: [{ operations: ["*"], apiGroups: [""], apiVersions: ["v2"], resources: ["*"] }],
    }),
  ];
  const probes = [...modes, ...special.map((each) => String(each["name"]).replace(".example.com", ""))];
  return {
    name: `answers of a ${kind.toLowerCase()} webhook`,
    exchanges: [
      ...configure(kind, name, [...modes.map((mode) => webhook(mode, mode)), ...special]),
      ...probes.flatMap((probe): Exchange[] => [
        // Of a run that was cut short.
        remove(`${configMaps}/${prefix}-${probe}`),
        createMap(probe, `${prefix}-${probe}`, probe),
        remove(`${configMaps}/${prefix}-${probe}`),
      ]),
      remove(`${registration}/${plural(kind)}/${name}`),
    ],
  };
}

function invalidConfigurations(): Case {
  const create = (title: string, fields: Json): Exchange => ({
    title,
    method: "POST",
    path: `${registration}/mutatingwebhookconfigurations?dryRun=All`,
    body: {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "invalid" },
      webhooks: [webhook("w", "allow", fields)],
    },
  });
  return {
    name: "configurations",
    exchanges: [
      create("defaults", { timeoutSeconds: undefined, objectSelector: undefined }),
      create("side effects", { sideEffects: "Some" }),
      create("review versions", { admissionReviewVersions: ["v9"] }),
      create("time-out", { timeoutSeconds: 31 }),
      create("name", { name: "short" }),
      create("url and service", { clientConfig: { url: "https://x", service: { namespace: "a", name: "b" } } }),
      create("plain HTTP", { clientConfig: { url: "http://x" } }),
      create("no rules", { rules: [{ operations: [], apiGroups: [], apiVersions: [], resources: [] }] }),
    ],
  };
}

function reviews(): Case {
  const received = (title: string): Exchange => ({
    title,
    method: "GET",
    path: "received:",
    silent: title === "left over",
  });
  const labels = { probe: "recorded" };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "reviewed", labels },
    spec: {
      replicas: 0,
      selector: { matchLabels: { a: "b" } },
      template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  };
  const deployments = "/apis/apps/v1/namespaces/default/deployments";
  const silently = (exchange: Omit<Exchange, "silent">): Exchange => ({ ...exchange, silent: true });
  const merge = (path: string, body: Json): Exchange =>
    silently({ title: `patch ${path}`, method: "PATCH", path, contentType: "application/merge-patch+json", body });
  const onMaps = [
    { operations: ["*"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps", "namespaces"] },
    { operations: ["*"], apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments"] },
  ];
  return {
    name: "what a webhook is sent",
    exchanges: [
      ...configure("Mutating", "recorded", [webhook("recorded", "record", { rules: onMaps })]),
      remove(`${configMaps}/recorded`),
      remove(`${deployments}/reviewed`),
      received("left over"),
      silently(createMap("create", "recorded", "recorded", "?fieldManager=me")),
      received("create"),
      silently(createMap("dry run", "recorded2", "recorded", "?dryRun=All")),
      received("dry run"),
      silently({
        title: "generate",
        method: "POST",
        path: configMaps,
        body: { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "recorded-", labels } },
      }),
      received("generateName"),
      merge(`${configMaps}/recorded`, { data: { a: "c" } }),
      received("patch"),
      // With an older object in its cache a real server tries the update twice.
      silently({
        title: "patched",
        method: "GET",
        path: `${configMaps}/recorded?resourceVersion=0`,
        until: (answer) => (answer as { data?: Json }).data?.["a"] === "c",
      }),
      silently({
        title: "put",
        method: "PUT",
        path: `${configMaps}/recorded`,
        body: configMap("recorded", "recorded"),
      }),
      received("put"),
      silently({
        title: "delete",
        method: "DELETE",
        path: `${configMaps}/recorded`,
        body: { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background", gracePeriodSeconds: 0 },
      }),
      received("delete"),
      silently({ title: "create deployment", method: "POST", path: deployments, body: deployment }),
      received("deployment"),
      merge(`${deployments}/reviewed/scale`, { spec: { replicas: 0 } }),
      received("a subresource that no rule names"),
      remove(`${deployments}/reviewed`),
      // The deployment controller may have written in between: how often the deletion is tried is not compared.
      received("left over"),
      silently({
        title: "namespace",
        method: "POST",
        path: "/api/v1/namespaces",
        body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "reviewed", labels } },
      }),
      received("namespace"),
      remove(`${registration}/mutatingwebhookconfigurations/recorded`),
      remove("/api/v1/namespaces/reviewed"),
    ],
  };
}

function inTree(): Case {
  const pods = "/api/v1/namespaces/default/pods?dryRun=All";
  const pod = (title: string, spec: Json): Exchange => ({
    title,
    method: "POST",
    path: pods,
    body: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "i" }], ...spec },
    },
  });
  const priorityClass = (name: string, fields: Json): Json => ({
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    ...fields,
  });
  const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  return {
    name: "in-tree plugins",
    exchanges: [
      {
        title: "a namespace that does not exist",
        method: "POST",
        path: "/api/v1/namespaces/nowhere/configmaps",
        body: configMap("x", "none"),
      },
      { title: "a system namespace deleted", method: "DELETE", path: "/api/v1/namespaces/default" },
      pod("a pod's account, token, priority and tolerations", {}),
      pod("no token", { automountServiceAccountToken: false }),
      pod("own tolerations", { tolerations: [{ operator: "Exists" }] }),
      pod("an account that does not exist", { serviceAccountName: "robot" }),
      pod("a class that does not exist", { priorityClassName: "nothing" }),
      pod("a priority of its own", { priority: 3 }),
      pod("a preemption policy of its own", { preemptionPolicy: "Never" }),
      remove(`${classes}/differential`),
      {
        title: "make class",
        method: "POST",
        path: classes,
        body: priorityClass("differential", { value: 7, preemptionPolicy: "Never" }),
        silent: true,
      },
      {
        ...pod("a class", { priorityClassName: "differential" }),
        until: (answer) => (answer as Json)["kind"] === "Pod",
      },
      { ...remove(`${classes}/differential`) },
    ],
  };
}

/** Webhooks that are asked under conditions; whoever is asked denies. */
function matchConditions(): Case {
  const when = (name: string, expressions: string[], fields: Json = {}) =>
    webhook(name, "deny", {
      matchConditions: expressions.map((expression, index) => ({ name: `c${index}`, expression })),
      ...fields,
    });
  const webhooks = {
    holds: ["object.metadata.name == 'match'", "request.operation == 'CREATE'", "oldObject == null"],
    fails: ["object.data.a == 'c'"],
    "fails-beside-an-error": ["object.missing == 1", "object.data.a == 'c'"],
    "is-an-error": ["object.data.a == 'b'", "object.missing == 1"],
    "is-two-errors": ["object.missing == 1", "object.data.other == 'c'"],
    "knows-the-user": ["request.userInfo.groups.exists(g, g == 'system:masters')", "request.namespace == 'default'"],
    "knows-the-resource": ["request.resource.resource == 'configmaps' && request.kind.kind == 'ConfigMap'"],
    "asks-the-authorizer": ["authorizer.group('apps').resource('deployments').check('create').allowed()"],
    "asks-about-the-request": ["!authorizer.requestResource.check('custom').allowed()"],
  };
  const ignoring = { failurePolicy: "Ignore" };
  const invalid = (title: string, conditions: Json[]): Exchange => ({
    title,
    method: "POST",
    path: `${registration}/${plural("Validating")}?dryRun=All`,
    body: {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "invalid" },
      webhooks: [webhook("invalid", "deny", { matchConditions: conditions })],
    },
  });
  return {
    name: "match conditions",
    exchanges: [
      ...configure("Validating", "conditions", [
        ...Object.entries(webhooks).map(([name, expressions]) => when(name, expressions)),
        when("is-ignored", ["object.missing == 1"], ignoring),
      ]),
      ...[...Object.keys(webhooks), "is-ignored"].map((name) => createMap(name, "match", name, "?dryRun=All")),
      remove(`${registration}/${plural("Validating")}/conditions`),
      invalid("an unknown variable", [{ name: "a", expression: "foo == 1" }]),
      invalid("an unknown field", [{ name: "a", expression: "request.foo == 'a'" }]),
      invalid("another type", [{ name: "a", expression: "1 + 1" }]),
      invalid("no expression, no name", [{ name: "", expression: " " }]),
      invalid("a name twice, and a bad one", [
        { name: "a", expression: "true" },
        { name: "a", expression: "true" },
        { name: "a b", expression: "true" },
      ]),
      { ...invalid("no CEL", [{ name: "a", expression: "object." }]), differs: "the parser's words" },
    ],
  };
}

export const cases: Case[] = [
  matchConditions(),
  answersOf("Mutating"),
  answersOf("Validating"),
  invalidConfigurations(),
  reviews(),
  inTree(),
  policyDecisions(),
  ...policyCosts(),
  invalidPolicies(),
];
