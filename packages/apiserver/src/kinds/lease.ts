import { fieldError, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { type Errors, nonNegative } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const lease: NativeKind = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  // Of coordinated leader election, which upstream has off by default.
  prepareForCreate: withoutStrategy,
  prepareForUpdate: withoutStrategy,
  validate(object) {
    const errors: Errors = [];
    const spec: Struct = object["spec"] ?? {};
    if (spec["leaseDurationSeconds"] <= 0) {
      errors.push(
        fieldError.invalid("spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0"),
      );
    }
    nonNegative(errors, "spec.leaseTransitions", spec["leaseTransitions"]);
    return errors;
  },
  table: {
    columns: [nameColumn, column("Holder", "Who holds the lease."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", object["spec"]?.holderIdentity ?? "", age(object, nowMs)],
  },
};

function withoutStrategy(object: KubeObject): void {
  delete object["spec"]?.strategy;
  delete object["spec"]?.preferredHolder;
}
