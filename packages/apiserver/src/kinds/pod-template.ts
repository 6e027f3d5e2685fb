import { column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";
import { formatLabels } from "./selector-text.ts";
import { containerCells } from "./workload-columns.ts";

export const podTemplate: NativeKind = {
  hasGeneration: true,
  returnsDeletedObject: true,
  table: {
    columns: [
      nameColumn,
      column("Containers", "Names of the template's containers."),
      column("Images", "Images of the template's containers."),
      column("Pod Labels", "Labels of the template."),
    ],
    cells: (object) => [
      object.metadata.name ?? "",
      ...containerCells(object["template"]),
      formatLabels(object["template"]?.metadata?.labels),
    ],
  },
};
