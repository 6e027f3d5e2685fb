import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const priorityClass: NativeKind = {
  defaults: {
    "io.k8s.api.scheduling.v1.PriorityClass": (priorityClass) => {
      priorityClass["preemptionPolicy"] ??= "PreemptLowerPriority";
    },
  },
  hasGeneration: true,
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
