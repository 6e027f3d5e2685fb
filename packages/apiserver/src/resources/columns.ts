import type { KubeObject } from "@podwright/kube";
import { ageOf } from "./human-duration.ts";
import type { ColumnDefinition, TableConvertor } from "./resource.ts";

/** A column that is always shown. */
export function column(name: string, description = "", type: ColumnDefinition["type"] = "string"): ColumnDefinition {
  return { name, type, format: "", description, priority: 0 };
}

/** A column that is shown with `-o wide`. */
export function wideColumn(name: string, description = ""): ColumnDefinition {
  return { name, type: "string", format: "", description, priority: 1 };
}

export const nameColumn: ColumnDefinition = {
  name: "Name",
  type: "string",
  format: "name",
  description: "The object's name.",
  priority: 0,
};

export const ageColumn: ColumnDefinition = column("Age", "The time since the object was created.");

/** The Age cell. */
export function age(object: KubeObject, nowMs: number): string {
  return ageOf(object.metadata.creationTimestamp, nowMs);
}

/** For kinds with nothing else to show that upstream has a printer for. */
export const nameAndAge: TableConvertor = {
  columns: [nameColumn, ageColumn],
  cells: (object, nowMs) => [object.metadata.name ?? "", age(object, nowMs)],
};

/** For kinds without a printer of their own (k8s.io/apiserver/pkg/registry/rest/table.go). */
export const nameAndCreatedAt: TableConvertor = {
  columns: [nameColumn, { ...column("Created At", "When the object was created."), type: "date" }],
  cells: (object) => [object.metadata.name ?? "", object.metadata.creationTimestamp ?? null],
};
