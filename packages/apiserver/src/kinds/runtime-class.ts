import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const runtimeClass: NativeKind = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  table: {
    columns: [nameColumn, column("Handler", "What the node agent calls it."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", object["handler"] ?? "", age(object, nowMs)],
  },
};
