import { fieldError, isQualifiedName } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { type Errors, isImmutable, optionalOneOf, requiredAnd, requiredOneOf } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const storageClass: NativeKind = {
  defaults: {
    "io.k8s.api.storage.v1.StorageClass": (storageClass) => {
      storageClass["reclaimPolicy"] ??= "Delete";
      storageClass["volumeBindingMode"] ??= "Immediate";
    },
  },
  returnsDeletedObject: true,
  validate(object) {
    const errors: Errors = [];
    const provisioner: string = object["provisioner"] ?? "";
    requiredAnd(errors, "provisioner", provisioner, (name) => isQualifiedName(name.toLowerCase()));
    optionalOneOf(errors, "reclaimPolicy", object["reclaimPolicy"], ["Delete", "Retain"]);
    requiredOneOf(errors, "volumeBindingMode", object["volumeBindingMode"], ["Immediate", "WaitForFirstConsumer"]);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: Errors = [];
    for (const field of ["parameters", "provisioner", "reclaimPolicy"]) {
      if (!equalJson(object[field], old[field])) {
        errors.push(fieldError.forbidden(field, `updates to ${field} are forbidden.`));
      }
    }
    if (object["volumeBindingMode"] !== old["volumeBindingMode"]) {
      errors.push(fieldError.invalid("volumeBindingMode", object["volumeBindingMode"], isImmutable));
    }
    return errors;
  },
  table: {
    columns: [
      nameColumn,
      column("Provisioner", "Who makes its volumes."),
      column("ReclaimPolicy", "What happens to a volume when its claim goes."),
      column("VolumeBindingMode", "When volumes are made."),
      column("AllowVolumeExpansion", "True when volumes can grow."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const annotations = object.metadata.annotations ?? {};
      const isDefault =
        annotations["storageclass.kubernetes.io/is-default-class"] === "true" ||
        annotations["storageclass.beta.kubernetes.io/is-default-class"] === "true";
      return [
        `${object.metadata.name ?? ""}${isDefault ? " (default)" : ""}`,
        object["provisioner"] ?? "",
        object["reclaimPolicy"] ?? "Delete",
        object["volumeBindingMode"] ?? "Immediate",
        object["allowVolumeExpansion"] ?? false,
        age(object, nowMs),
      ];
    },
  },
};

export const csiDriver: NativeKind = {
  defaults: {
    "io.k8s.api.storage.v1.CSIDriverSpec": (spec) => {
      spec["attachRequired"] ??= true;
      spec["podInfoOnMount"] ??= false;
      spec["storageCapacity"] ??= false;
      spec["fsGroupPolicy"] ??= "ReadWriteOnceWithFSType";
      if (!spec["volumeLifecycleModes"]?.length) spec["volumeLifecycleModes"] = ["Persistent"];
      spec["requiresRepublish"] ??= false;
      spec["seLinuxMount"] ??= false;
    },
  },
  allowUnconditionalUpdate: false,
  returnsDeletedObject: true,
  table: {
    columns: [
      nameColumn,
      column("AttachRequired", "True when volumes are attached before they are mounted.", "boolean"),
      column("PodInfoOnMount", "True when the driver is told of the pod.", "boolean"),
      column("StorageCapacity", "True when the scheduler heeds its capacity.", "boolean"),
      column("TokenRequests", "Audiences of the tokens the driver gets."),
      column("RequiresRepublish", "True when it is called again and again.", "boolean"),
      column("Modes", "Lifecycles of volumes it supports."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const spec: Struct = object["spec"] ?? {};
      return [
        object.metadata.name ?? "",
        spec["attachRequired"] ?? true,
        spec["podInfoOnMount"] ?? false,
        spec["storageCapacity"] ?? false,
        spec["tokenRequests"]?.map(({ audience }: Struct) => audience).join(",") ?? "<unset>",
        spec["requiresRepublish"] ?? false,
        (spec["volumeLifecycleModes"] ?? []).join(",") || "<none>",
        age(object, nowMs),
      ];
    },
  },
};

export const csiNode: NativeKind = {
  allowUnconditionalUpdate: false,
  returnsDeletedObject: true,
  table: {
    columns: [nameColumn, column("Drivers", "The number of drivers on the node.", "integer"), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", object["spec"]?.drivers?.length ?? 0, age(object, nowMs)],
  },
};

export const csiStorageCapacity: NativeKind = {
  allowUnconditionalUpdate: false,
  table: {
    columns: [nameColumn, column("StorageClassName", "The storage class."), column("Capacity", "What there is.")],
    cells: (object) => [object.metadata.name ?? "", object["storageClassName"] ?? "", object["capacity"] ?? "<unset>"],
  },
};

export const volumeAttachment: NativeKind = {
  allowUnconditionalUpdate: false,
  returnsDeletedObject: true,
  table: {
    columns: [
      nameColumn,
      { ...column("Attacher", "Who attaches it."), format: "name" },
      column("PV", "The volume."),
      column("Node", "The node."),
      column("Attached", "True when it is attached.", "boolean"),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      object["spec"]?.attacher ?? "",
      object["spec"]?.source?.persistentVolumeName ?? "",
      object["spec"]?.nodeName ?? "",
      object["status"]?.attached ?? false,
      age(object, nowMs),
    ],
  },
};

export const volumeAttributesClass: NativeKind = {
  returnsDeletedObject: true,
  table: {
    columns: [nameColumn, column("DriverName", "The driver."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", object["driverName"] ?? "", age(object, nowMs)],
  },
};
