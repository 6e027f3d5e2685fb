import { fieldError, isQualifiedName } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { type Errors, invalid } from "./field-checks.ts";
import type { NativeKind } from "./kind.ts";
import { dnsLabelName } from "./names.ts";

const nameLabel = "kubernetes.io/metadata.name";

export const namespace: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.Namespace": ({ metadata }) => {
      // A generated name is not there yet: prepareForCreate comes back to it.
      if (metadata?.name) metadata.labels = { ...metadata.labels, [nameLabel]: metadata.name };
    },
    "io.k8s.api.core.v1.NamespaceStatus": (status) => {
      status["phase"] ||= "Active";
    },
  },
  validateName: dnsLabelName,
  prepareForCreate(object) {
    object.metadata.labels = { ...object.metadata.labels, [nameLabel]: object.metadata.name ?? "" };
    object["status"] = { phase: "Active" };
    object["spec"] ??= {};
    const finalizers: string[] = object["spec"].finalizers ?? [];
    if (!finalizers.includes("kubernetes")) object["spec"].finalizers = [...finalizers, "kubernetes"];
  },
  // Finalizers change through the finalize subresource only.
  prepareForUpdate(object, old) {
    object["spec"] = old["spec"];
  },
  validate(object) {
    const errors: Errors = [];
    for (const finalizer of object["spec"]?.finalizers ?? []) finalizerName(errors, "spec.finalizers", finalizer);
    return errors;
  },
  validateStatusUpdate(object, old) {
    const phase: string = object["status"]?.phase ?? "";
    const deleting = old.metadata.deletionTimestamp !== undefined;
    if (phase === (deleting ? "Terminating" : "Active")) return [];
    const detail = deleting
      ? "may only be 'Terminating' if `deletionTimestamp` is not empty"
      : "may only be 'Active' if `deletionTimestamp` is empty";
    return [fieldError.invalid("status.Phase", phase, detail)];
  },
  // k8s.io/kubernetes/pkg/registry/core/namespace/storage/storage.go: the namespace controller empties it first.
  hasOtherFinalizers: (object) => (object["spec"]?.finalizers ?? []).length > 0,
  prepareForDelete(object) {
    object["status"] = { ...object["status"], phase: "Terminating" };
  },
  returnsDeletedObject: true,
  selectableFields: {
    "status.phase": (object) => object["status"]?.phase,
    name: (object) => object.metadata.name,
  },
  table: {
    columns: [nameColumn, column("Status", "The namespace's phase."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", object["status"]?.phase ?? "", age(object, nowMs)],
  },
};

const standardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];

function finalizerName(errors: Errors, path: string, name: string): void {
  invalid(errors, path, name, isQualifiedName(name));
  if (!name.includes("/") && !standardFinalizers.includes(name)) {
    const detail = "name is neither a standard finalizer name nor is it fully qualified";
    errors.push(fieldError.invalid(path, name, detail));
  }
}
