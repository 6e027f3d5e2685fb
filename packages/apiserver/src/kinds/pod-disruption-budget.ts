import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const podDisruptionBudget: NativeKind = {
  hasGeneration: true,
  allowUnconditionalUpdate: false,
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
