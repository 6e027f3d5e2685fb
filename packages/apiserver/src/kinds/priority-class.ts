import { fieldError } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { type Errors, isImmutable, requiredOneOf } from "./field-checks.ts";
import type { NativeKind } from "./kind.ts";

export const priorityClass: NativeKind = {
  defaults: {
    "io.k8s.api.scheduling.v1.PriorityClass": (priorityClass) => {
      priorityClass["preemptionPolicy"] ??= "PreemptLowerPriority";
    },
  },
  hasGeneration: true,
  validate(object) {
    const errors: Errors = [];
    const name = object.metadata.name ?? "";
    const value: number = object["value"] ?? 0;
    if (name.startsWith("system-")) systemClass(errors, name, value, object["globalDefault"] ?? false);
    else if (value > highestValue) {
      const detail = `maximum allowed value of a user defined priority is ${highestValue}`;
      errors.push(fieldError.forbidden("value", detail));
    }
    requiredOneOf(errors, "preemptionPolicy", object["preemptionPolicy"], ["PreemptLowerPriority", "Never"]);
    return errors;
  },
  validateUpdate(object, old) {
    const errors: Errors = [];
    if ((object["value"] ?? 0) !== (old["value"] ?? 0)) {
      errors.push(fieldError.forbidden("value", "may not be changed in an update."));
    }
    if (object["preemptionPolicy"] !== old["preemptionPolicy"]) {
      errors.push(fieldError.invalid("preemptionPolicy", object["preemptionPolicy"] ?? null, isImmutable));
    }
    return errors;
  },
  table: {
    columns: [
      nameColumn,
      column("Value", "The priority of its pods.", "integer"),
      column("Global-Default", "True when pods that name no class get this one.", "boolean"),
      ageColumn,
      column("PreemptionPolicy", "Whether its pods may push others off a node."),
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      object["value"] ?? 0,
      object["globalDefault"] ?? false,
      age(object, nowMs),
      object["preemptionPolicy"] ?? "",
    ],
  },
};

const highestValue = 1_000_000_000;
const systemClasses: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};

function systemClass(errors: Errors, name: string, value: number, globalDefault: boolean): void {
  const known = systemClasses[name];
  const error =
    known === undefined
      ? `${name} is not a known system priority class`
      : value !== known
        ? `value of ${name} PriorityClass must be ${known}`
        : globalDefault
          ? `globalDefault of ${name} PriorityClass must be false`
          : undefined;
  if (error === undefined) return;
  const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${error}`;
  errors.push(fieldError.forbidden("metadata.name", detail));
}
