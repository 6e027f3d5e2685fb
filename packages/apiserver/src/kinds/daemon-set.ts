import {
  type FieldError,
  fieldError,
  formatLabelSelector,
  type KubeObject,
  validateLabelSelector,
} from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, nonNegative } from "./field-checks.ts";
import { type NativeKind, podTemplateOf, type Struct } from "./kind.ts";
import { formatLabels } from "./selector-text.ts";
import { containerCells, containersColumn, imagesColumn, selectorColumn } from "./workload-columns.ts";
import {
  collisionCountGrows,
  everRunningTemplate,
  intOrPercent,
  notEmpty,
  selectorStays,
  templateMatches,
} from "./workload-validation.ts";

/** spec.templateGeneration of old API versions; v1 keeps it in this annotation. */
const templateGeneration = "deprecated.daemonset.template.generation";

const statusFields = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
  "collisionCount",
];

export const daemonSet: NativeKind = {
  defaults: {
    "io.k8s.api.apps.v1.DaemonSet": ({ spec }) => {
      spec.updateStrategy ??= {};
      const strategy = spec.updateStrategy;
      strategy.type ||= "RollingUpdate";
      if (strategy.type === "RollingUpdate") {
        strategy.rollingUpdate ??= {};
        strategy.rollingUpdate.maxUnavailable ??= 1;
        strategy.rollingUpdate.maxSurge ??= 0;
      }
      spec.revisionHistoryLimit ??= 10;
    },
  },
  hasGeneration: true,
  prepareForCreate({ metadata }) {
    metadata.annotations ??= {};
    if (!(Number(metadata.annotations[templateGeneration]) >= 1)) metadata.annotations[templateGeneration] = "1";
  },
  prepareForUpdate(object, old) {
    const before = Number(old.metadata.annotations?.[templateGeneration] ?? 0);
    const changed = !equalJson(podTemplateOf(object), podTemplateOf(old));
    object.metadata.annotations ??= {};
    object.metadata.annotations[templateGeneration] = String(changed ? before + 1 : before);
  },
  validate: validateDaemonSet,
  validateUpdate(object, old) {
    const errors = validateDaemonSet(object);
    selectorStays(errors, object, old);
    return errors;
  },
  validateStatusUpdate(object, old) {
    const errors: Errors = [];
    for (const field of statusFields) nonNegative(errors, `status.${field}`, object["status"]?.[field]);
    collisionCountGrows(errors, object, old);
    return errors;
  },
  table: {
    columns: [
      nameColumn,
      column("Desired", "Nodes that should run the pod.", "integer"),
      column("Current", "Nodes that run the pod.", "integer"),
      column("Ready", "Nodes whose pod is ready.", "integer"),
      column("Up-to-date", "Nodes with a pod of the current template.", "integer"),
      column("Available", "Nodes whose pod has been ready for minReadySeconds.", "integer"),
      column("Node Selector", "Labels of the nodes."),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    cells(object, nowMs) {
      const status = object["status"] ?? {};
      return [
        object.metadata.name ?? "",
        status.desiredNumberScheduled ?? 0,
        status.currentNumberScheduled ?? 0,
        status.numberReady ?? 0,
        status.updatedNumberScheduled ?? 0,
        status.numberAvailable ?? 0,
        formatLabels(podTemplateOf(object)["spec"]?.nodeSelector),
        age(object, nowMs),
        ...containerCells(podTemplateOf(object)),
        formatLabelSelector(object["spec"]?.selector),
      ];
    },
  },
};

function validateDaemonSet(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  errors.push(...validateLabelSelector(spec["selector"], "spec.selector"));
  templateMatches(errors, object, false);
  notEmpty(errors, spec["selector"], "daemonset");
  everRunningTemplate(errors, object, "DaemonSet");
  nonNegative(errors, "spec.minReadySeconds", spec["minReadySeconds"]);
  const strategy: Struct = spec["updateStrategy"] ?? {};
  if (strategy["type"] === "RollingUpdate") {
    for (const field of ["maxUnavailable", "maxSurge"]) {
      intOrPercent(errors, `spec.updateStrategy.rollingUpdate.${field}`, strategy["rollingUpdate"]?.[field]);
    }
  } else if (strategy["type"] !== "OnDelete") {
    errors.push(fieldError.notSupported("spec.updateStrategy", strategy, ["RollingUpdate", "OnDelete"]));
  }
  nonNegative(errors, "spec.revisionHistoryLimit", spec["revisionHistoryLimit"]);
  return errors;
}
