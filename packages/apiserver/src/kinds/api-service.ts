import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind, Struct } from "./kind.ts";

export const apiService: NativeKind = {
  defaults: {
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.ServiceReference": (reference) => {
      reference["port"] ??= 443;
    },
  },
  table: {
    columns: [
      nameColumn,
      column("Service", "The service that serves the group, or Local."),
      column("Available", "Whether the group can be reached."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const { service } = object["spec"] ?? {};
      const conditions: Struct[] = object["status"]?.conditions ?? [];
      const available = conditions.find((condition) => condition["type"] === "Available");
      const reason = available?.["status"] === "True" || !available?.["reason"] ? "" : ` (${available["reason"]})`;
      return [
        object.metadata.name ?? "",
        service === undefined ? "Local" : `${service.namespace}/${service.name}`,
        available === undefined ? "Unknown" : `${available["status"]}${reason}`,
        age(object, nowMs),
      ];
    },
  },
};
