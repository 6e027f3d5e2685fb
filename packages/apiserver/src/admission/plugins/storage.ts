import type { KubeObject } from "@podwright/kube";
import type { AdmissionPlugin } from "../admission.ts";
import type { Lister } from "../lister.ts";
import { isCore } from "../refusal.ts";

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: "kubernetes.io/pv-protection",
  persistentvolumeclaims: "kubernetes.io/pvc-protection",
};

/**
 * Gives a claim that names no class the default one
 * (k8s.io/kubernetes/plugin/pkg/admission/storage/storageclass/setdefault/admission.go).
 */
export function defaultStorageClass(classes: Lister): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    handles: ({ operation, subresource }) => operation === "CREATE" && subresource === "",
    mutate(attributes) {
      const { object } = attributes;
      if (!isCore(attributes, "persistentvolumeclaims") || object === undefined) return;
      const named = object.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"];
      if (named !== undefined || object["spec"]?.storageClassName !== undefined) return;
      const name = newestDefault(classes)?.metadata.name;
      if (name !== undefined) object["spec"] = { ...object["spec"], storageClassName: name };
    },
  };
}

/** The youngest of those that are marked; by name where the time is the same. */
function newestDefault(classes: Lister): KubeObject | undefined {
  let newest: KubeObject | undefined;
  for (const candidate of classes.list()) {
    const { annotations = {}, creationTimestamp } = candidate.metadata;
    const marked =
      annotations["storageclass.kubernetes.io/is-default-class"] === "true" ||
      annotations["storageclass.beta.kubernetes.io/is-default-class"] === "true";
    if (!marked) continue;
    if (newest === undefined || (creationTimestamp ?? "") > (newest.metadata.creationTimestamp ?? "")) {
      newest = candidate;
    }
  }
  return newest;
}

/**
 * Volumes and claims stay while they are used: a controller takes the finalizer off
 * (k8s.io/kubernetes/plugin/pkg/admission/storage/storageobjectinuseprotection/admission.go).
 */
export function storageProtection(): AdmissionPlugin {
  return {
    name: "StorageObjectInUseProtection",
    handles: ({ operation, subresource, resource: { group, plural } }) =>
      operation === "CREATE" && subresource === "" && group === "" && finalizers[plural] !== undefined,
    mutate({ object, resource }) {
      const finalizer = finalizers[resource.plural];
      if (object === undefined || finalizer === undefined) return;
      const present = object.metadata.finalizers ?? [];
      if (!present.includes(finalizer)) object.metadata.finalizers = [...present, finalizer];
    },
  };
}
