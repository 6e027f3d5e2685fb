import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const configMap: NativeKind = {
  table: {
    columns: [nameColumn, column("Data", "The number of entries."), ageColumn],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      Object.keys(object["data"] ?? {}).length + Object.keys(object["binaryData"] ?? {}).length,
      age(object, nowMs),
    ],
  },
};
