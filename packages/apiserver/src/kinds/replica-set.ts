import { formatLabelSelector, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { Cell, ColumnDefinition } from "../resources/resource.ts";
import { type NativeKind, podTemplateOf } from "./kind.ts";
import { replicationControllerScale, workloadScale } from "./scale.ts";
import { formatLabels } from "./selector-text.ts";
import { containerCells, containersColumn, imagesColumn, selectorColumn } from "./workload-columns.ts";

const columns: ColumnDefinition[] = [
  nameColumn,
  column("Desired", "Pods there should be.", "integer"),
  column("Current", "Pods there are.", "integer"),
  column("Ready", "Pods that are ready.", "integer"),
  ageColumn,
  containersColumn,
  imagesColumn,
  selectorColumn,
];

function replicaCells(object: KubeObject, nowMs: number): Cell[] {
  const status = object["status"] ?? {};
  return [
    object.metadata.name ?? "",
    object["spec"]?.replicas ?? 0,
    status.replicas ?? 0,
    status.readyReplicas ?? 0,
    age(object, nowMs),
    ...containerCells(podTemplateOf(object)),
  ];
}

export const replicaSet: NativeKind = {
  defaults: {
    "io.k8s.api.apps.v1.ReplicaSet": ({ spec }) => {
      spec.replicas ??= 1;
    },
  },
  hasGeneration: true,
  scale: workloadScale,
  selectableFields: { "status.replicas": (object) => object["status"]?.replicas ?? 0 },
  table: {
    columns,
    cells: (object, nowMs) => [...replicaCells(object, nowMs), formatLabelSelector(object["spec"]?.selector)],
  },
};

export const replicationController: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.ReplicationController": (object) => {
      const { spec, metadata } = object;
      spec.replicas ??= 1;
      const labels = spec.template?.metadata?.labels;
      if (labels === undefined) return;
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
    },
  },
  hasGeneration: true,
  scale: replicationControllerScale,
  selectableFields: { "status.replicas": (object) => object["status"]?.replicas ?? 0 },
  table: {
    columns,
    cells: (object, nowMs) => [...replicaCells(object, nowMs), formatLabels(object["spec"]?.selector)],
  },
};
