import { formatLabelSelector } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { validateBinding, validatePolicy } from "./admission-policy-validation.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const validatingAdmissionPolicy: NativeKind = {
  defaults: {
    "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicySpec": (spec) => {
      spec["failurePolicy"] ??= "Fail";
    },
    "io.k8s.api.admissionregistration.v1.MatchResources": (resources) => {
      resources["matchPolicy"] ??= "Equivalent";
      resources["namespaceSelector"] ??= {};
      resources["objectSelector"] ??= {};
    },
  },
  hasGeneration: true,
  validate: validatePolicy,
  allowUnconditionalUpdate: false,
  table: {
    columns: [
      nameColumn,
      column("Validations", "The number of rules.", "integer"),
      column("ParamKind", "The kind its parameters are of."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const { validations, paramKind } = object["spec"] ?? {};
      return [
        object.metadata.name ?? "",
        validations?.length ?? 0,
        paramKind === undefined ? "<unset>" : `${paramKind.apiVersion}/${paramKind.kind}`,
        age(object, nowMs),
      ];
    },
  },
};

export const validatingAdmissionPolicyBinding: NativeKind = {
  hasGeneration: true,
  validate: validateBinding,
  allowUnconditionalUpdate: false,
  table: {
    columns: [
      nameColumn,
      column("PolicyName", "The policy that is bound."),
      column("ParamRef", "Its parameters."),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      object["spec"]?.policyName ?? "",
      paramRef(object["spec"]?.paramRef),
      age(object, nowMs),
    ],
  },
};

function paramRef(reference: Struct | undefined): string {
  if (reference?.["name"]) return `${reference["namespace"] || "*"}/${reference["name"]}`;
  return reference?.["selector"] === undefined ? "<unset>" : formatLabelSelector(reference["selector"]);
}
