import { conditionsSchema, customResourceDefinition, printerColumn, secretReflectors } from "@podwright/client";
import type { JsonObject, KubeObject } from "@podwright/kube";

const text = (description: string): JsonObject => ({ type: "string", description });
const texts = (description: string): JsonObject => ({ type: "array", items: { type: "string" }, description });
const textMap = (description: string): JsonObject => ({
  type: "object",
  additionalProperties: { type: "string" },
  description,
});
const count = (description: string): JsonObject => ({ type: "integer", format: "int32", description });

const labelSelector: JsonObject = {
  type: "object",
  properties: {
    matchLabels: { type: "object", additionalProperties: { type: "string" } },
    matchExpressions: {
      type: "array",
      items: {
        type: "object",
        required: ["key", "operator"],
        properties: {
          key: { type: "string" },
          operator: { type: "string" },
          values: { type: "array", items: { type: "string" } },
        },
      },
    },
  },
};

const source = (description: string): JsonObject => ({
  type: "object",
  description,
  properties: {
    name: text("Of the reflector's namespace."),
    selector: { ...labelSelector, description: "Labels of the reflector's namespace's objects; copies are none." },
  },
});

const namespaceSet = (description: string): JsonObject => ({
  type: "object",
  description,
  properties: {
    namespaces: texts("Names, or globs with * and ?."),
    namespaceSelector: { ...labelSelector, description: "Labels of namespaces; in addition to those by name." },
    exclude: texts("Names or globs of namespaces that are not meant."),
  },
});

const spec: JsonObject = {
  type: "object",
  properties: {
    secret: source("The Secrets to copy."),
    configMap: source("The ConfigMaps to copy, instead of secret."),
    targets: namespaceSet("Namespaces that get a copy, now and in future."),
    allow: namespaceSet("Namespaces that get a copy when their annotation podwright.dev/reflect-from asks for it."),
    copy: {
      type: "object",
      description: "How copies differ from their source.",
      properties: {
        name: text('A template over name, namespace and targetNamespace; default "{{ name }}".'),
        keys: texts("Names or globs of the keys to take; default all."),
        rename: textMap("New names of keys, by their old ones."),
        template: textMap('Keys with values of their own: templates such as "{{ data.user }}:{{ data.password }}".'),
        labels: textMap("Labels of the copies."),
        annotations: textMap("Annotations of the copies."),
        keepLabels: texts("Names or globs of the source's labels to keep; default none."),
        keepAnnotations: texts("Names or globs of the source's annotations to keep; default none."),
        type: text("Of Secrets; default the source's."),
      },
    },
    suspend: { type: "boolean", description: "Leaves everything as it is." },
  },
};

const status: JsonObject = {
  type: "object",
  properties: {
    observedGeneration: { type: "integer", format: "int64" },
    source: text("What is copied."),
    targets: count("Copies there should be."),
    copies: count("Copies there are."),
    conflicts: count("Copies whose name another object has."),
    conditions: conditionsSchema,
  },
};

/** The SecretReflector CustomResourceDefinition. */
export function secretReflectorCrd(): KubeObject {
  return customResourceDefinition(secretReflectors, {
    singular: "secretreflector",
    description: "Copies Secrets or ConfigMaps of its namespace into other namespaces.",
    columns: [
      printerColumn("Source", ".status.source"),
      printerColumn("Targets", ".status.targets", "integer"),
      printerColumn("Copies", ".status.copies", "integer"),
      printerColumn("Conflicts", ".status.conflicts", "integer"),
      printerColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
      printerColumn("Age", ".metadata.creationTimestamp", "date"),
    ],
    spec,
    status,
  });
}
