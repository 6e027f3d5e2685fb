import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const lease: NativeKind = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  table: {
    columns: [nameColumn, column("Holder", "Who holds the lease."), ageColumn],
    cells: (object, nowMs) => [object.metadata.name ?? "", object["spec"]?.holderIdentity ?? "", age(object, nowMs)],
  },
};
