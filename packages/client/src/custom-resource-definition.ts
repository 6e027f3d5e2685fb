import type { JsonObject, KubeObject } from "@podwright/kube";
import type { Client } from "./client.ts";
import { customResourceDefinitions, type ResourceRef } from "./resources.ts";

export interface DefinitionOptions {
  singular: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
  description: string;
  columns?: readonly JsonObject[];
  /** The schema of `spec`, which objects then must have unless it is optional. */
  spec?: JsonObject;
  specOptional?: boolean;
  status?: JsonObject;
  /** A status that is written with the rest of the object: no subresource. */
  statusInPlace?: boolean;
}

/** The CustomResourceDefinition of a kind with one version. */
export function customResourceDefinition(ref: ResourceRef, options: DefinitionOptions): KubeObject {
  const { singular, shortNames, categories, description, columns, spec, status } = options;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${ref.resource}.${ref.group}` },
    spec: {
      group: ref.group,
      scope: ref.namespaced ? "Namespaced" : "Cluster",
      names: {
        kind: ref.kind,
        listKind: `${ref.kind}List`,
        plural: ref.resource,
        singular,
        ...(shortNames && { shortNames }),
        ...(categories && { categories }),
      },
      versions: [
        {
          name: ref.version,
          served: true,
          storage: true,
          ...(options.statusInPlace ? {} : { subresources: { status: {} } }),
          ...(columns && { additionalPrinterColumns: columns }),
          schema: {
            openAPIV3Schema: {
              type: "object",
              description,
              ...(spec && !options.specOptional && { required: ["spec"] }),
              properties: {
                apiVersion: { type: "string" },
                kind: { type: "string" },
                metadata: { type: "object" },
                ...(spec && { spec }),
                ...(status && { status }),
              },
            },
          },
        },
      ],
    },
  };
}

/** A column of `kubectl get`. */
export function printerColumn(name: string, jsonPath: string, type = "string"): JsonObject {
  return { name, type, jsonPath };
}

/** The schema of `status.conditions`. */
export const conditionsSchema: JsonObject = {
  type: "array",
  items: {
    type: "object",
    required: ["type", "status"],
    properties: {
      type: { type: "string" },
      status: { type: "string" },
      reason: { type: "string" },
      message: { type: "string" },
      lastTransitionTime: { type: "string", format: "date-time" },
      observedGeneration: { type: "integer", format: "int64" },
    },
  },
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["type"],
};

const establishedSeconds = 30;

/** Waits until a CustomResourceDefinition's kind is served. Throws when it is not there, or not served within 30 s. */
export async function untilEstablished(client: Client, name: string): Promise<void> {
  const resource = client.resource(customResourceDefinitions);
  const definition = await resource.get(name);
  if (isEstablished(definition)) return;
  const { resourceVersion } = definition.metadata;
  const watch = resource.watch({
    fieldSelector: `metadata.name=${name}`,
    timeoutSeconds: establishedSeconds,
    ...(resourceVersion !== undefined && { resourceVersion }),
  });
  for await (const { type, object } of watch) {
    if (type !== "BOOKMARK" && isEstablished(object)) return;
  }
  throw new Error(`the CustomResourceDefinition ${name} was not established within ${establishedSeconds} s`);
}

function isEstablished(definition: KubeObject): boolean {
  const conditions = (definition["status"]?.conditions ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === "Established" && status === "True");
}
