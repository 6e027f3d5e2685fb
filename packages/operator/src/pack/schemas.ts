import { packs } from "@podwright/client";
import type { JsonObject } from "@podwright/kube";

/** The schema of a kind's `spec`: what is not in it is unknown. */
export function specSchema(kind: string): JsonObject {
  return kind === packs.kind ? packSpec : repositorySpec;
}

function text(description?: string, more: JsonObject = {}): JsonObject {
  return { type: "string", ...(description === undefined ? {} : { description }), ...more };
}

function flag(description: string, value?: boolean): JsonObject {
  return { type: "boolean", description, ...(value === undefined ? {} : { default: value }) };
}

function oneOf(values: string[], description: string, value?: string): JsonObject {
  return { type: "string", enum: values, description, ...(value === undefined ? {} : { default: value }) };
}

function count(description?: string, more: JsonObject = {}): JsonObject {
  return { type: "integer", format: "int64", ...(description === undefined ? {} : { description }), ...more };
}

function object(properties: JsonObject, required: string[] = [], more: JsonObject = {}): JsonObject {
  return { type: "object", ...(required.length > 0 ? { required } : {}), properties, ...more };
}

function list(items: JsonObject, description?: string): JsonObject {
  return { type: "array", items, ...(description === undefined ? {} : { description }) };
}

function free(description: string): JsonObject {
  return { type: "object", description, "x-kubernetes-preserve-unknown-fields": true };
}

const time: JsonObject = { type: "string", format: "date-time" };

const name = text(undefined, { minLength: 1, maxLength: 253 });

const duration = (description: string, value: string): JsonObject =>
  text(description, { default: value, maxLength: 64 });

const target = object({
  group: text(),
  version: text(),
  kind: text(),
  name: text(),
  namespace: text(),
  labelSelector: text('As kubectl\'s: "app=web,tier!=db".'),
});

const crds = (value: string) => oneOf(["Skip", "Create", "CreateReplace"], "What happens to the chart's CRDs.", value);

const retries = count("Further attempts after a failure; -1 for ever.", { minimum: -1 });

export const packSpec = object(
  {
    chart: object(
      {
        repository: object(
          {
            kind: oneOf(["PackRepository", "ClusterPackRepository"], "Of the repository.", "ClusterPackRepository"),
            name,
            namespace: text("The Pack's own, if given."),
          },
          ["name"],
          { description: "Default: the ClusterPackRepository annotated podwright.dev/default." },
        ),
        name,
        version: text('Exact, PEP 440 ("~=0.4.3", ">=1,<2") or semver ("^1.2", "1.x"); default the newest release.', {
          maxLength: 256,
        }),
      },
      ["name"],
    ),
    vars: free("What {{ vars.NAME }} in values stands for."),
    values: free("The chart's values; text may hold templates over vars."),
    valuesFrom: list(
      object(
        {
          kind: oneOf(["ConfigMap", "Secret"], "Of the object."),
          name,
          valuesKey: text("Default values.yaml.", { maxLength: 253 }),
          targetPath: text("The content becomes the value at this path, as by helm --set.", { maxLength: 1024 }),
          optional: flag("What does not exist is left out."),
        },
        ["kind", "name"],
      ),
      "Values from objects of the Pack's namespace, merged in order, below values; those with a targetPath above all.",
    ),
    releaseName: text("Default: the Pack's name.", { minLength: 1, maxLength: 53 }),
    targetNamespace: text("Default: the Pack's namespace.", { minLength: 1, maxLength: 63 }),
    dependsOn: list(object({ name, namespace: text() }, ["name"]), "Packs that are to be ready first."),
    suspend: flag("Nothing is done to the release while true."),
    interval: duration("How often charts and drift are looked at.", "10m"),
    timeout: duration("Of one helm action.", "5m"),
    serviceAccountName: text("Of the Pack's namespace: helm acts as it.", { maxLength: 253 }),
    install: object({
      crds: crds("Create"),
      wait: flag("Until what is installed is ready.", true),
      disableHooks: flag("Runs no hooks."),
      retries,
      remediation: oneOf(["uninstall", "none"], "What happens after a failure."),
    }),
    upgrade: object({
      crds: crds("Skip"),
      wait: flag("Until what is upgraded is ready.", true),
      disableHooks: flag("Runs no hooks."),
      retries,
      remediation: oneOf(["rollback", "uninstall", "none"], "What happens after a failure."),
    }),
    test: object({
      enable: flag("Runs the chart's tests after install and upgrade."),
      ignoreFailures: flag("A failed test does not make the Pack fail."),
    }),
    driftDetection: object({
      mode: oneOf(["off", "warn", "correct"], "What happens when objects differ from the release.", "off"),
      ignore: list(object({ paths: list(text("A JSON pointer.")), target }, ["paths"])),
    }),
    postRender: list(
      object({ patch: text("A JSON patch or strategic merge patch, as YAML."), target }, ["patch"]),
      "Changes to what the chart renders.",
    ),
    approval: oneOf(
      ["auto", "manual"],
      "manual: a plan is carried out when podwright.dev/approve names its digest.",
      "auto",
    ),
    maxHistory: count("Revisions that helm keeps, 0 for all.", { minimum: 0, default: 10 }),
  },
  ["chart"],
);

const conditions = list(
  object(
    {
      type: text(),
      status: oneOf(["True", "False", "Unknown"], "Of the condition."),
      reason: text(),
      message: text(),
      lastTransitionTime: time,
      observedGeneration: count(),
    },
    ["type", "status"],
  ),
);

const revision = { version: text(), digest: text(), configDigest: text() };
const entry = { apiVersion: text(), kind: text(), namespace: text(), name: text() };

export const packStatus = object(
  {
    observedGeneration: count(),
    conditions,
    history: list(
      object({
        revision: count(),
        chartVersion: text(),
        appVersion: text(),
        digest: text(),
        configDigest: text(),
        status: text(),
        action: text(),
        time,
      }),
    ),
    chart: object({ name: text(), version: text(), digest: text() }),
    inventory: list(object(entry)),
    lastAttempted: object(revision),
    lastApplied: object({ ...revision, revision: count() }),
    plan: object({
      digest: text(),
      createdAt: time,
      summary: text(),
      changes: list(object({ op: text(), ...entry, diff: text() })),
      revision: count("Of the release, when the plan has been carried out."),
    }),
    failures: count(),
    lastHandledRequest: text("The value of the annotation podwright.dev/requested-at that was seen to last."),
    dependsOn: list(text()),
  },
  [],
  { "x-kubernetes-preserve-unknown-fields": true },
);

export const repositorySpec = object(
  {
    url: text('"https://HOST/PATH", "oci://HOST/PATH" or, on the operator\'s machine, "file:///PATH".', {
      minLength: 1,
      maxLength: 2048,
    }),
    secretRef: object(
      { name, namespace: text("Of a ClusterPackRepository's Secret; else the repository's own.") },
      ["name"],
      { description: "A Secret with username and password, or token; ca.crt; tls.crt and tls.key." },
    ),
    interval: duration("Between fetches of the index.", "10m"),
    timeout: duration("Of one fetch.", "60s"),
    suspend: flag("The index is not fetched again while true."),
    passCredentials: flag("Sends credentials also to other hosts that the index names."),
    insecure: flag("Talks HTTP to an OCI registry."),
  },
  ["url"],
);

export const repositoryStatus = object({
  observedGeneration: count(),
  conditions,
  charts: count("In the index; unknown of an OCI registry."),
  lastFetch: time,
  digest: text("Of the index."),
  type: text("http, oci or folder."),
});
