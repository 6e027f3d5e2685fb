import { age, ageColumn, column, nameAndCreatedAt, nameColumn } from "../resources/columns.ts";
import type { NativeKind } from "./kind.ts";

export const resourceQuota: NativeKind = {
  returnsDeletedObject: true,
  table: {
    columns: [
      nameColumn,
      column("Request", "Requests: used and allowed."),
      column("Limit", "Limits: used and allowed."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const { hard = {}, used = {} } = object["status"] ?? {};
      const requests: string[] = [];
      const limits: string[] = [];
      for (const name of Object.keys(hard).sort()) {
        (name.startsWith("limits.") ? limits : requests).push(`${name}: ${used[name] ?? "0"}/${hard[name]}`);
      }
      return [object.metadata.name ?? "", requests.join(", "), limits.join(", "), age(object, nowMs)];
    },
  },
};

export const limitRange: NativeKind = {
  defaults: {
    "io.k8s.api.core.v1.LimitRangeItem": (item) => {
      if (item["type"] !== "Container") return;
      const limits = { ...item["max"], ...item["default"] };
      const requests = { ...item["min"], ...limits, ...item["defaultRequest"] };
      if (Object.keys(limits).length > 0) item["default"] = limits;
      if (Object.keys(requests).length > 0) item["defaultRequest"] = requests;
    },
  },
  allowCreateOnUpdate: true,
  table: nameAndCreatedAt,
};
