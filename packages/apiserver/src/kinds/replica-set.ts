import { type FieldError, fieldError, formatLabelSelector, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { Cell, ColumnDefinition } from "../resources/resource.ts";
import { type Errors, nonNegative } from "./field-checks.ts";
import { type NativeKind, podTemplateOf, type Struct } from "./kind.ts";
import { replicationControllerScale, workloadScale } from "./scale.ts";
import { formatLabels } from "./selector-text.ts";
import { containerCells, containersColumn, imagesColumn, selectorColumn } from "./workload-columns.ts";
import { everRunningTemplate, selectorAndTemplate, selectorStays, statusCounts } from "./workload-validation.ts";

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
  validate: validateReplicaSet,
  validateUpdate(object, old) {
    const errors = validateReplicaSet(object);
    selectorStays(errors, object, old);
    return errors;
  },
  validateStatusUpdate: validateReplicaStatus,
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
  validate: validateReplicationController,
  validateStatusUpdate: validateReplicaStatus,
  selectableFields: { "status.replicas": (object) => object["status"]?.replicas ?? 0 },
  table: {
    columns,
    cells: (object, nowMs) => [...replicaCells(object, nowMs), formatLabels(object["spec"]?.selector)],
  },
};

function validateReplicaSet(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  nonNegative(errors, "spec.replicas", object["spec"].replicas);
  nonNegative(errors, "spec.minReadySeconds", object["spec"].minReadySeconds);
  selectorAndTemplate(errors, object);
  return errors;
}

function validateReplicationController(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  nonNegative(errors, "spec.minReadySeconds", spec["minReadySeconds"]);
  const selector: Record<string, string> = spec["selector"] ?? {};
  if (Object.keys(selector).length === 0) errors.push(fieldError.required("spec.selector"));
  nonNegative(errors, "spec.replicas", spec["replicas"]);
  if (spec["template"] === undefined) {
    errors.push(fieldError.required("spec.template"));
    return errors;
  }
  const labels: Record<string, string> = spec["template"].metadata?.labels ?? {};
  if (Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
    const detail = "`selector` does not match template `labels`";
    errors.push(fieldError.invalid("spec.template.metadata.labels", labels, detail));
  }
  everRunningTemplate(errors, object, "ReplicationController");
  return errors;
}

const partsOfReplicas = ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"];

function validateReplicaStatus(object: KubeObject): FieldError[] {
  const counts = ["replicas", ...partsOfReplicas, "observedGeneration", "terminatingReplicas"];
  return statusCounts(object, counts, partsOfReplicas, "readyReplicas");
}
