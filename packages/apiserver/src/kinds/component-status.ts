import { column, nameColumn } from "../resources/columns.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const componentStatus: NativeKind = {
  deprecationWarning: "v1 ComponentStatus is deprecated in v1.19+",
  table: {
    columns: [
      nameColumn,
      column("Status", "Healthy, Unhealthy or Unknown."),
      column("Message", "What the component says."),
      column("Error", "What is wrong with it."),
    ],
    cells(object) {
      const conditions: Struct[] = object["conditions"] ?? [];
      const healthy = conditions.find((condition) => condition["type"] === "Healthy");
      const status = healthy === undefined ? "Unknown" : healthy["status"] === "True" ? "Healthy" : "Unhealthy";
      return [object.metadata.name ?? "", status, healthy?.["message"] ?? "", healthy?.["error"] ?? ""];
    },
  },
};
