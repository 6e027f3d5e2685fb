import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
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
