import { conditionsSchema, customResourceDefinition, printerColumn, tenants } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";

const text = (description: string): JsonObject => ({ type: "string", description });
const count = (description: string, minimum = 0): JsonObject => ({
  type: "integer",
  format: "int64",
  minimum,
  description,
});
const texts = (description: string): JsonObject => ({ type: "array", items: { type: "string" }, description });
const anything = (description: string): JsonObject => ({
  type: "object",
  "x-kubernetes-preserve-unknown-fields": true,
  description,
});

const limits: JsonObject = {
  type: "object",
  description: "How much the tenant may have.",
  properties: {
    runs: count("Runs at once; the others wait. No limit when absent."),
    queue: count("Runs that wait; more are refused. Default 100."),
    share: count("Weight among tenants when runs of several wait. Default 1.", 1),
    maxLifetimeSeconds: count("How long a run may take.", 1),
    ttlSecondsAfterFinished: count("How long a finished run's Pod or Job stays."),
    idleSeconds: count("How long a run may go without any request about it.", 1),
    volumes: texts("Claims that may be mounted: names, or globs with *. All when absent."),
  },
};

const tokens: JsonObject = {
  type: "array",
  description: "Bearer tokens of the tenant.",
  items: {
    type: "object",
    required: ["secretRef"],
    properties: {
      secretRef: {
        type: "object",
        required: ["name"],
        description: "The Secret that holds the token.",
        properties: {
          name: text("Of the Secret."),
          namespace: text("Of the Secret; default the tenant's."),
          key: text('In its data; default "token".'),
        },
      },
      templates: texts("What the token is for; all templates when absent."),
    },
  },
};

const spec: JsonObject = {
  type: "object",
  properties: {
    namespace: text("Where the tenant's pods are; default the tenant's name."),
    createNamespace: {
      type: "boolean",
      description:
        "Makes the namespace, with the quota, limits and network policy below. It stays when the tenant goes.",
    },
    templates: anything(
      'By name: a Pod or a Job with placeholders, or {template, parameters}. "pod" is the default one.',
    ),
    limits,
    tokens,
    quota: anything("The spec of the namespace's ResourceQuota."),
    limitRange: anything("The spec of the namespace's LimitRange."),
    networkPolicy: {
      type: "string",
      enum: ["DefaultDeny", "None"],
      description: "DefaultDeny, the default, lets no traffic in, and out only to DNS.",
    },
  },
};

const status: JsonObject = {
  type: "object",
  properties: {
    observedGeneration: { type: "integer", format: "int64" },
    namespace: text("Where the tenant's pods are."),
    conditions: conditionsSchema,
  },
};

/** The Tenant CustomResourceDefinition. */
export function tenantCrd(): KubeObject {
  return customResourceDefinition(tenants, {
    singular: "tenant",
    description: "Who may have pods made by the pod service: where, from which templates, and how many.",
    columns: [
      printerColumn("Namespace", ".status.namespace"),
      printerColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
      printerColumn("Age", ".metadata.creationTimestamp", "date"),
    ],
    spec,
    status,
  });
}
