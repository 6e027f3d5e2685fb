import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { type NativeKind, podTemplateOf } from "./kind.ts";
import { workloadScale } from "./scale.ts";
import { containerCells, containersColumn, imagesColumn } from "./workload-columns.ts";

export const statefulSet: NativeKind = {
  defaults: {
    "io.k8s.api.apps.v1.StatefulSet": ({ spec }) => {
      spec.podManagementPolicy ||= "OrderedReady";
      spec.updateStrategy ??= {};
      const strategy = spec.updateStrategy;
      if (!strategy.type) {
        strategy.type = "RollingUpdate";
        strategy.rollingUpdate ??= {};
      }
      if (strategy.type === "RollingUpdate" && strategy.rollingUpdate !== undefined) {
        strategy.rollingUpdate.partition ??= 0;
        strategy.rollingUpdate.maxUnavailable ??= 1;
      }
      spec.persistentVolumeClaimRetentionPolicy ??= {};
      spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
      spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
      spec.replicas ??= 1;
      spec.revisionHistoryLimit ??= 10;
      // Claims of templates are written as if they had been read as claims themselves.
      for (const claim of spec.volumeClaimTemplates ?? []) {
        claim.apiVersion ||= "v1";
        claim.kind ||= "PersistentVolumeClaim";
      }
    },
  },
  hasGeneration: true,
  scale: workloadScale,
  table: {
    columns: [
      nameColumn,
      column("Ready", "Ready pods of the desired ones."),
      ageColumn,
      containersColumn,
      imagesColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      `${object["status"]?.readyReplicas ?? 0}/${object["spec"]?.replicas ?? 0}`,
      age(object, nowMs),
      ...containerCells(podTemplateOf(object)),
    ],
  },
};
