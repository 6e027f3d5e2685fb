import type { KubeObject } from "@podwright/kube";
import type { Condition, LabelSelectorObject, PodTemplate } from "../../kinds.ts";
import type { PersistentVolumeClaim } from "../persistent-volumes/kinds.ts";

type RetentionPolicy = "Retain" | "Delete";

export interface StatefulSet extends KubeObject {
  spec: {
    replicas?: number;
    ordinals?: { start?: number };
    serviceName?: string;
    selector: LabelSelectorObject;
    template: PodTemplate;
    volumeClaimTemplates?: PersistentVolumeClaim[];
    podManagementPolicy?: "OrderedReady" | "Parallel";
    updateStrategy?: { type?: "RollingUpdate" | "OnDelete"; rollingUpdate?: { partition?: number } };
    minReadySeconds?: number;
    revisionHistoryLimit?: number;
    persistentVolumeClaimRetentionPolicy?: { whenDeleted?: RetentionPolicy; whenScaled?: RetentionPolicy };
  };
  status?: StatefulSetStatus;
}

export interface StatefulSetStatus {
  observedGeneration?: number;
  replicas: number;
  readyReplicas?: number;
  currentReplicas?: number;
  updatedReplicas?: number;
  availableReplicas: number;
  currentRevision?: string;
  updateRevision?: string;
  collisionCount?: number;
  conditions?: Condition[];
}

export function replicasOf(set: StatefulSet): number {
  return set.spec.replicas ?? 1;
}

export function startOrdinal(set: StatefulSet): number {
  return set.spec.ordinals?.start ?? 0;
}

/** Is the ordinal one that the set wants a pod of? */
export function isWanted(set: StatefulSet, ordinal: number): boolean {
  return ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + replicasOf(set);
}

export function isParallel(set: StatefulSet): boolean {
  return set.spec.podManagementPolicy === "Parallel";
}
