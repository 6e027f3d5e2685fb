import { parseApiVersion } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const controllerRevision: NativeKind = {
  table: {
    columns: [
      nameColumn,
      column("Controller", "Whose revision it is."),
      column("Revision", "The revision's number."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const owner = object.metadata.ownerReferences?.find((reference) => reference.controller);
      const group = owner === undefined ? "" : parseApiVersion(owner.apiVersion).group;
      const kind = `${owner?.kind ?? ""}${group === "" ? "" : `.${group}`}`.toLowerCase();
      return [
        object.metadata.name ?? "",
        owner === undefined ? "<none>" : `${kind}/${owner.name}`,
        object["revision"] ?? 0,
        age(object, nowMs),
      ];
    },
  },
};
