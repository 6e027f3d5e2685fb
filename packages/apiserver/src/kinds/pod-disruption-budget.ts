import { fieldError, validateLabelSelector } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { type Errors, optionalOneOf } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";
import { atMost100Percent, intOrPercent } from "./workload-validation.ts";

export const podDisruptionBudget: NativeKind = {
  hasGeneration: true,
  allowUnconditionalUpdate: false,
  validate(object) {
    const errors: Errors = [];
    const spec: Struct = object["spec"];
    const { minAvailable, maxUnavailable } = spec;
    if (minAvailable !== undefined && maxUnavailable !== undefined) {
      errors.push(fieldError.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"));
    }
    for (const field of ["minAvailable", "maxUnavailable"]) {
      if (spec[field] === undefined) continue;
      intOrPercent(errors, `spec.${field}`, spec[field]);
      atMost100Percent(errors, `spec.${field}`, spec[field]);
    }
    errors.push(...validateLabelSelector(spec["selector"], "spec.selector"));
    const policies = ["AlwaysAllow", "IfHealthyBudget"];
    optionalOneOf(errors, "spec.unhealthyPodEvictionPolicy", spec["unhealthyPodEvictionPolicy"], policies);
    return errors;
  },
  table: {
    columns: [
      nameColumn,
      column("Min Available", "The fewest pods that must be there."),
      column("Max Unavailable", "The most pods that may be missing."),
      column("Allowed Disruptions", "Pods that may be evicted now.", "integer"),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      String(object["spec"]?.minAvailable ?? "N/A"),
      String(object["spec"]?.maxUnavailable ?? "N/A"),
      object["status"]?.disruptionsAllowed ?? 0,
      age(object, nowMs),
    ],
  },
};
