import { fieldError } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { type Errors, nonNegative } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const lease: NativeKind = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validate(object) {
    const errors: Errors = [];
    const spec: Struct = object["spec"] ?? {};
    if (spec["leaseDurationSeconds"] <= 0) {
      errors.push(
        fieldError.invalid("spec.leaseDurationSeconds", spec["leaseDurationSeconds"], "must be greater than 0"),
      );
    }
    nonNegative(errors, "spec.leaseTransitions", spec["leaseTransitions"]);
    if (spec["preferredHolder"] && !spec["strategy"]) {
      const detail = "may only be specified if `strategy` is defined";
      errors.push(fieldError.forbidden("spec.preferredHolder", detail));
    }
    return errors;
  },
  table: {
    columns: [nameColumn, column("Holder", "Who holds the lease."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", object["spec"]?.holderIdentity ?? "", age(object, nowMs)],
  },
};
