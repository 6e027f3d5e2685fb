import { wideColumn } from "../resources/columns.ts";
import type { Cell, ColumnDefinition } from "../resources/resource.ts";
import type { Struct } from "./kind.ts";

export const containersColumn: ColumnDefinition = wideColumn("Containers", "Names of the template's containers.");
export const imagesColumn: ColumnDefinition = wideColumn("Images", "Images of the template's containers.");
export const selectorColumn: ColumnDefinition = wideColumn("Selector", "Selects the pods.");

/** The Containers and Images cells of a pod template. */
export function containerCells(template: Struct | undefined): Cell[] {
  const containers: Struct[] = template?.["spec"]?.containers ?? [];
  return [
    containers.map((container) => container["name"] ?? "").join(","),
    containers.map((container) => container["image"] ?? "").join(","),
  ];
}
