import { type FieldError, fieldError, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, nonNegative } from "./field-checks.ts";
import { type NativeKind, podTemplateOf, type Struct } from "./kind.ts";
import { workloadScale } from "./scale.ts";
import { labelSelectorText } from "./selector-text.ts";
import { containerCells, containersColumn, imagesColumn, selectorColumn } from "./workload-columns.ts";
import {
  atMost100Percent,
  collisionCountGrows,
  intOrPercent,
  intOrPercentValue,
  selectorAndTemplate,
  selectorStays,
  statusCounts,
} from "./workload-validation.ts";

const partsOfReplicas = ["updatedReplicas", "readyReplicas", "availableReplicas"];
const statusFields = [
  "observedGeneration",
  "replicas",
  ...partsOfReplicas,
  "unavailableReplicas",
  "terminatingReplicas",
  "collisionCount",
];

export const deployment: NativeKind = {
  defaults: {
    "io.k8s.api.apps.v1.Deployment": ({ spec }) => {
      spec.replicas ??= 1;
      spec.strategy ??= {};
      spec.strategy.type ||= "RollingUpdate";
      if (spec.strategy.type === "RollingUpdate") {
        spec.strategy.rollingUpdate ??= {};
        spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
        spec.strategy.rollingUpdate.maxSurge ??= "25%";
      }
      spec.revisionHistoryLimit ??= 10;
      spec.progressDeadlineSeconds ??= 600;
    },
  },
  hasGeneration: true,
  scale: workloadScale,
  // Annotations count: they are copied to the ReplicaSets.
  generationChanges: (object, old) =>
    !equalJson(object["spec"], old["spec"]) ||
    !equalJson(object.metadata.annotations ?? {}, old.metadata.annotations ?? {}),
  prepareForStatusUpdate(object, old) {
    if (old.metadata.labels === undefined) delete object.metadata.labels;
    else object.metadata.labels = old.metadata.labels;
  },
  validate: validateDeployment,
  validateUpdate(object, old) {
    const errors = validateDeployment(object);
    selectorStays(errors, object, old);
    return errors;
  },
  validateStatusUpdate(object, old) {
    const errors = statusCounts(object, statusFields, partsOfReplicas, "readyReplicas");
    collisionCountGrows(errors, object, old);
    return errors;
  },
  table: {
    columns: [
      nameColumn,
      column("Ready", "Ready pods of the desired ones."),
      column("Up-to-date", "Pods of the current template."),
      column("Available", "Pods ready for minReadySeconds."),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    cells(object, nowMs) {
      const status = object["status"] ?? {};
      return [
        object.metadata.name ?? "",
        `${status.readyReplicas ?? 0}/${object["spec"]?.replicas ?? 0}`,
        status.updatedReplicas ?? 0,
        status.availableReplicas ?? 0,
        age(object, nowMs),
        ...containerCells(podTemplateOf(object)),
        labelSelectorText(object["spec"]?.selector, "<invalid>"),
      ];
    },
  },
};

function validateDeployment(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  nonNegative(errors, "spec.replicas", spec["replicas"]);
  selectorAndTemplate(errors, object);
  updateStrategy(errors, spec["strategy"] ?? {});
  nonNegative(errors, "spec.minReadySeconds", spec["minReadySeconds"]);
  nonNegative(errors, "spec.revisionHistoryLimit", spec["revisionHistoryLimit"]);
  const deadline = spec["progressDeadlineSeconds"];
  nonNegative(errors, "spec.progressDeadlineSeconds", deadline);
  if (deadline !== undefined && deadline <= (spec["minReadySeconds"] ?? 0)) {
    errors.push(fieldError.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
  }
  return errors;
}

function updateStrategy(errors: Errors, strategy: Struct): void {
  const path = "spec.strategy";
  const rollingUpdate: Struct | undefined = strategy["rollingUpdate"];
  if (strategy["type"] === "Recreate") {
    if (rollingUpdate === undefined) return;
    const detail = "may not be specified when strategy `type` is 'Recreate'";
    errors.push(fieldError.forbidden(`${path}.rollingUpdate`, detail));
  } else if (strategy["type"] === "RollingUpdate") {
    const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
    const at = `${path}.rollingUpdate.maxUnavailable`;
    intOrPercent(errors, at, maxUnavailable);
    intOrPercent(errors, `${path}.rollingUpdate.maxSurge`, maxSurge);
    if (intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0) {
      errors.push(fieldError.invalid(at, maxUnavailable ?? 0, "may not be 0 when `maxSurge` is 0"));
    }
    atMost100Percent(errors, at, maxUnavailable);
  } else {
    errors.push(fieldError.notSupported(path, strategy, ["Recreate", "RollingUpdate"]));
  }
}
