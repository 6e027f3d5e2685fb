import { apiVersionOf, clusterPackRepositories, packRepositories, packs, type ResourceRef } from "@podwright/client";
import { isJsonObject, type JsonObject, type KubeObject } from "@podwright/kube";
import { packSpec, packStatus, repositorySpec, repositoryStatus, text } from "./schemas.ts";

/** The CustomResourceDefinitions of Pack, PackRepository and ClusterPackRepository. */
export function packCrds(): KubeObject[] {
  return [
    crd(packs, "pack", ["pk"], packSpec, packStatus, [
      column("Chart", "string", ".spec.chart.name"),
      column("Version", "string", ".status.chart.version"),
      column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
      column("Status", "string", '.status.conditions[?(@.type=="Ready")].message'),
      column("Age", "date", ".metadata.creationTimestamp"),
    ]),
    crd(packRepositories, "packrepository", ["pkrepo"], repositorySpec, repositoryStatus, repositoryColumns),
    crd(
      clusterPackRepositories,
      "clusterpackrepository",
      ["cpkrepo"],
      repositorySpec,
      repositoryStatus,
      repositoryColumns,
    ),
  ];
}

function crd(
  resource: ResourceRef,
  singular: string,
  shortNames: string[],
  spec: JsonObject,
  status: JsonObject,
  additionalPrinterColumns: JsonObject[],
): KubeObject {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${resource.resource}.${resource.group}` },
    spec: {
      group: resource.group,
      scope: resource.namespaced ? "Namespaced" : "Cluster",
      names: {
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        plural: resource.resource,
        singular,
        shortNames,
        categories: ["podwright"],
      },
      versions: [
        {
          name: resource.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns,
          schema: {
            openAPIV3Schema: {
              type: "object",
              description: `${resource.kind} of ${apiVersionOf(resource)}.`,
              required: ["spec"],
              properties: {
                apiVersion: text(),
                kind: text(),
                metadata: { type: "object" },
                spec: keepUnknown(spec),
                status,
              },
            },
          },
        },
      ],
    },
  };
}

/** Nothing is pruned in silence: the webhook sees unknown fields and refuses them. */
function keepUnknown(schema: JsonObject): JsonObject {
  const kept: JsonObject = { ...schema };
  if (isJsonObject(schema["properties"])) {
    kept["properties"] = Object.fromEntries(
      Object.entries(schema["properties"]).map(([key, field]) => [key, keepUnknown(field as JsonObject)]),
    );
    kept["x-kubernetes-preserve-unknown-fields"] = true;
  }
  if (isJsonObject(schema["items"])) kept["items"] = keepUnknown(schema["items"]);
  return kept;
}

function column(name: string, type: string, jsonPath: string): JsonObject {
  return { name, type, jsonPath };
}

const repositoryColumns = [
  column("URL", "string", ".spec.url"),
  column("Charts", "integer", ".status.charts"),
  column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
  column("Status", "string", '.status.conditions[?(@.type=="Ready")].message'),
  column("Age", "date", ".metadata.creationTimestamp"),
];
