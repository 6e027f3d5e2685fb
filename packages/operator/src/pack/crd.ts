import {
  apiVersionOf,
  clusterPackRepositories,
  customResourceDefinition,
  packRepositories,
  packs,
  printerColumn,
  type ResourceRef,
} from "@podwright/client";
import { isJsonObject, type JsonObject, type KubeObject } from "@podwright/kube";
import { packSpec, packStatus, repositorySpec, repositoryStatus } from "./schemas.ts";

/** The CustomResourceDefinitions of Pack, PackRepository and ClusterPackRepository. */
export function packCrds(): KubeObject[] {
  return [
    crd(packs, "pack", ["pk"], packSpec, packStatus, [
      printerColumn("Chart", ".spec.chart.name"),
      printerColumn("Version", ".status.chart.version"),
      printerColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
      printerColumn("Status", '.status.conditions[?(@.type=="Ready")].message'),
      printerColumn("Age", ".metadata.creationTimestamp", "date"),
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
  ref: ResourceRef,
  singular: string,
  shortNames: string[],
  spec: JsonObject,
  status: JsonObject,
  columns: JsonObject[],
): KubeObject {
  return customResourceDefinition(ref, {
    singular,
    shortNames,
    categories: ["podwright"],
    description: `${ref.kind} of ${apiVersionOf(ref)}.`,
    columns,
    spec: keepUnknown(spec),
    status,
  });
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

const repositoryColumns = [
  printerColumn("URL", ".spec.url"),
  printerColumn("Charts", ".status.charts", "integer"),
  printerColumn("Ready", '.status.conditions[?(@.type=="Ready")].status'),
  printerColumn("Status", '.status.conditions[?(@.type=="Ready")].message'),
  printerColumn("Age", ".metadata.creationTimestamp", "date"),
];
