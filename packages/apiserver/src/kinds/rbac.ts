import { age, ageColumn, column, nameAndCreatedAt, nameColumn, wideColumn } from "../resources/columns.ts";
import type { TableConvertor } from "../resources/resource.ts";
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

export const role: NativeKind = { validateName: pathSegmentName, allowCreateOnUpdate: true, table: nameAndCreatedAt };

export const roleBinding: NativeKind = {
  defaults: {
    "io.k8s.api.rbac.v1.RoleRef": (reference) => {
      reference["apiGroup"] ||= group;
    },
    "io.k8s.api.rbac.v1.Subject": (subject) => {
      if (subject["kind"] === "User" || subject["kind"] === "Group") subject["apiGroup"] ||= group;
    },
  },
  validateName: pathSegmentName,
  allowCreateOnUpdate: true,
  table: bindingTable,
};
