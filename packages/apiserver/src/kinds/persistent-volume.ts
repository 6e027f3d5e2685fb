import type { KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn, wideColumn } from "../resources/columns.ts";
import type { Errors } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";
import {
  persistentVolumeClaimSpec,
  validatePersistentVolumeClaimUpdate,
} from "./persistent-volume-claim-validation.ts";

/** The old way to name a storage class. */
const classAnnotation = "volume.beta.kubernetes.io/storage-class";

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};

export const persistentVolume: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.PersistentVolume": (volume) => {
      volume["status"] ??= {};
      volume["status"].phase ||= "Pending";
      volume["spec"].persistentVolumeReclaimPolicy ||= "Retain";
      volume["spec"].volumeMode ??= "Filesystem";
    },
  },
  prepareForCreate(object) {
    object["status"] = { phase: "Pending", lastPhaseTransitionTime: object.metadata.creationTimestamp };
  },
  returnsDeletedObject: true,
  selectableFields: { name: (object) => object.metadata.name },
  table: {
    columns: [
      nameColumn,
      column("Capacity", "The volume's size."),
      column("Access Modes", "How it can be mounted."),
      column("Reclaim Policy", "What happens to it when its claim goes."),
      column("Status", "Its phase."),
      column("Claim", "The claim it is bound to."),
      column("StorageClass", "Its storage class."),
      column("VolumeAttributesClass", "Its attributes class."),
      column("Reason", "Why it is in that phase."),
      ageColumn,
      wideColumn("VolumeMode", "Filesystem or Block."),
    ],
    cells(object, nowMs) {
      const spec = object["spec"] ?? {};
      return [
        object.metadata.name ?? "",
        spec.capacity?.storage ?? "0",
        accessModes(spec.accessModes),
        spec.persistentVolumeReclaimPolicy ?? "",
        phase(object),
        spec.claimRef ? `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}` : "",
        object.metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? "",
        spec.volumeAttributesClassName ?? "<unset>",
        object["status"]?.reason ?? "",
        age(object, nowMs),
        spec.volumeMode ?? "<unset>",
      ];
    },
  },
};

export const persistentVolumeClaim: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.PersistentVolumeClaim": (claim) => {
      claim["status"] ??= {};
      claim["status"].phase ||= "Pending";
    },
  },
  prepareForCreate(object) {
    object["status"] = { phase: "Pending" };
    dataSources(object["spec"]);
  },
  prepareForUpdate: (object) => dataSources(object["spec"]),
  validate(object) {
    const errors: Errors = [];
    persistentVolumeClaimSpec(errors, "spec", object["spec"]);
    return errors;
  },
  validateUpdate: validatePersistentVolumeClaimUpdate,
  returnsDeletedObject: true,
  selectableFields: { name: (object) => object.metadata.name },
  table: {
    columns: [
      nameColumn,
      column("Status", "The claim's phase."),
      column("Volume", "The volume it is bound to."),
      column("Capacity", "The volume's size."),
      column("Access Modes", "How the volume can be mounted."),
      column("StorageClass", "The storage class asked for."),
      column("VolumeAttributesClass", "The attributes class asked for."),
      ageColumn,
      wideColumn("VolumeMode", "Filesystem or Block."),
    ],
    cells(object, nowMs) {
      const spec = object["spec"] ?? {};
      const status = object["status"] ?? {};
      return [
        object.metadata.name ?? "",
        phase(object),
        spec.volumeName ?? "",
        spec.volumeName ? (status.capacity?.storage ?? "0") : "",
        spec.volumeName ? accessModes(status.accessModes) : "",
        object.metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? "",
        spec.volumeAttributesClassName ?? "<unset>",
        age(object, nowMs),
        spec.volumeMode ?? "<unset>",
      ];
    },
  },
};

function phase(object: KubeObject): string {
  return object.metadata.deletionTimestamp === undefined ? (object["status"]?.phase ?? "") : "Terminating";
}

/** "RWO,ROX": each mode once, in a fixed order. */
function accessModes(modes: string[] | undefined): string {
  return Object.entries(shortModes)
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

/** dataSource knows claims and snapshots only, and says the same as dataSourceRef (pkg/api/persistentvolumeclaim/util.go). */
function dataSources(spec: Struct): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) {
    const group: string = dataSource.apiGroup ?? "";
    const claim = dataSource.kind === "PersistentVolumeClaim" && group === "";
    const snapshot = dataSource.kind === "VolumeSnapshot" && group === "snapshot.storage.k8s.io";
    if (claim || snapshot) spec["dataSourceRef"] = { ...dataSource };
    else delete spec["dataSource"];
  } else if (dataSource === undefined && dataSourceRef !== undefined && !dataSourceRef.namespace) {
    spec["dataSource"] = { ...dataSourceRef };
  }
}
