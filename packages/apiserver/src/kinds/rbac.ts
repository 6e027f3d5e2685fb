import {
  type FieldError,
  fieldError,
  isDns1123Subdomain,
  type KubeObject,
  validateLabelSelector,
} from "@podwright/kube";
import { age, ageColumn, column, nameAndCreatedAt, nameColumn, wideColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import type { TableConvertor } from "../resources/resource.ts";
import { type Errors, each, invalid, optionalOneOf, required, requiredAnd } from "./field-checks.ts";
import type { NativeKind, Struct } from "./kind.ts";
import { pathSegmentName } from "./names.ts";

const group = "rbac.authorization.k8s.io";

const bindingTable: TableConvertor = {
  columns: [
    nameColumn,
    column("Role", "The role that is granted."),
    ageColumn,
    wideColumn("Users", "Users it is granted to."),
    wideColumn("Groups", "Groups it is granted to."),
    wideColumn("ServiceAccounts", "Service accounts it is granted to."),
  ],
  cells(object, nowMs) {
    const subjects: Struct[] = object["subjects"] ?? [];
    const names = (kind: string) =>
      subjects
        .filter((subject) => subject["kind"] === kind)
        .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name ?? ""}` : (name ?? "")))
        .join(", ");
    const { kind = "", name = "" } = object["roleRef"] ?? {};
    return [
      object.metadata.name ?? "",
      `${kind}/${name}`,
      age(object, nowMs),
      names("User"),
      names("Group"),
      names("ServiceAccount"),
    ];
  },
};

function roleKind(namespaced: boolean): NativeKind {
  return {
    validateName: pathSegmentName,
    allowCreateOnUpdate: true,
    validate(object) {
      const errors: Errors = [];
      each(object["rules"], "rules", (rule: Struct, at) => policyRule(errors, at, rule, namespaced));
      const selectors: Struct[] | undefined = object["aggregationRule"]?.clusterRoleSelectors;
      const path = "aggregationRule.clusterRoleSelectors";
      if (object["aggregationRule"] !== undefined && !selectors?.length) {
        const detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        errors.push(fieldError.required(path, detail));
      }
      each(selectors, path, (selector, at) => errors.push(...validateLabelSelector(selector, at)));
      return errors;
    },
    table: nameAndCreatedAt,
  };
}

export const role = roleKind(true);
export const clusterRole = roleKind(false);

function policyRule(errors: Errors, path: string, rule: Struct, namespaced: boolean): void {
  if (!rule["verbs"]?.length)
    errors.push(fieldError.required(`${path}.verbs`, "verbs must contain at least one value"));
  const urls: string[] = rule["nonResourceURLs"] ?? [];
  if (urls.length > 0) {
    const at = `${path}.nonResourceURLs`;
    if (namespaced) errors.push(fieldError.invalid(at, urls, "namespaced rules cannot apply to non-resource URLs"));
    if (rule["apiGroups"]?.length || rule["resources"]?.length || rule["resourceNames"]?.length) {
      const detail = "rules cannot apply to both regular resources and non-resource URLs";
      errors.push(fieldError.invalid(at, urls, detail));
    }
    return;
  }
  if (!rule["apiGroups"]?.length) {
    errors.push(fieldError.required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  }
  if (!rule["resources"]?.length) {
    errors.push(fieldError.required(`${path}.resources`, "resource rules must supply at least one resource"));
  }
}

function bindingKind(namespaced: boolean): NativeKind {
  const validate = (object: KubeObject) => validateBinding(object, namespaced);
  return {
    validateName: pathSegmentName,
    allowCreateOnUpdate: true,
    validate,
    validateUpdate(object, old) {
      const errors = validate(object);
      if (!equalJson(object["roleRef"], old["roleRef"])) {
        errors.push(fieldError.invalid("roleRef", object["roleRef"], "cannot change roleRef"));
      }
      return errors;
    },
    table: bindingTable,
  };
}

function validateBinding(object: KubeObject, namespaced: boolean): FieldError[] {
  const errors: Errors = [];
  const { apiGroup = "", kind = "", name = "" } = object["roleRef"] ?? {};
  optionalOneOf(errors, "roleRef.apiGroup", apiGroup, [group]);
  optionalOneOf(errors, "roleRef.kind", kind, namespaced ? ["Role", "ClusterRole"] : ["ClusterRole"]);
  requiredAnd(errors, "roleRef.name", name, (value) => pathSegmentName(value, false));
  each(object["subjects"], "subjects", (subject: Struct, at) => {
    required(errors, `${at}.name`, subject["name"]);
    const subjectGroup: string = subject["apiGroup"] ?? "";
    if (subject["kind"] === "ServiceAccount") {
      if (subject["name"]) invalid(errors, `${at}.name`, subject["name"], isDns1123Subdomain(subject["name"]));
      optionalOneOf(errors, `${at}.apiGroup`, subjectGroup, [""]);
      required(errors, `${at}.namespace`, namespaced ? (subject["namespace"] ?? "-") : subject["namespace"]);
    } else if (subject["kind"] === "User" || subject["kind"] === "Group") {
      optionalOneOf(errors, `${at}.apiGroup`, subjectGroup, [group]);
    } else {
      optionalOneOf(errors, `${at}.kind`, subject["kind"] ?? "", ["ServiceAccount", "User", "Group"]);
    }
  });
  return errors;
}

export const roleBinding: NativeKind = {
  defaults: {
    "io.k8s.api.rbac.v1.RoleRef": (reference) => {
      reference["apiGroup"] ||= group;
    },
    "io.k8s.api.rbac.v1.Subject": (subject) => {
      if (subject["kind"] === "User" || subject["kind"] === "Group") subject["apiGroup"] ||= group;
    },
  },
  ...bindingKind(true),
};

export const clusterRoleBinding = bindingKind(false);
