import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const secret: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.Secret": (secret) => {
      secret["type"] ||= "Opaque";
      // stringData can be written only: it goes into data, over what is there.
      for (const [key, text] of Object.entries<string>(secret["stringData"] ?? {})) {
        secret["data"] ??= {};
        secret["data"][key] = Buffer.from(text).toString("base64");
      }
      delete secret["stringData"];
    },
  },
  selectableFields: { type: (object) => object["type"] },
  table: {
    columns: [
      nameColumn,
      column("Type", "What the secret is for."),
      column("Data", "The number of entries."),
      ageColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      object["type"] ?? "",
      Object.keys(object["data"] ?? {}).length,
      age(object, nowMs),
    ],
  },
};
