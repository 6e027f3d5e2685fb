import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type NativeKind, podTemplateOf } from "./kind.ts";
import { workloadScale } from "./scale.ts";
import { labelSelectorText } from "./selector-text.ts";
import { containerCells, containersColumn, imagesColumn, selectorColumn } from "./workload-columns.ts";

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
