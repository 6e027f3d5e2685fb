import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import type { NativeKind, Struct } from "./kind.ts";

const v1 = "io.k8s.api.flowcontrol.v1";

export const flowSchema: NativeKind = {
  defaults: {
    [`${v1}.FlowSchemaSpec`]: (spec) => {
      spec["matchingPrecedence"] ||= 1000;
    },
  },
  hasGeneration: true,
  table: {
    columns: [
      nameColumn,
      column("PriorityLevel", "The priority level of its requests."),
      column("MatchingPrecedence", "The lowest that matches wins."),
      column("DistinguisherMethod", "What tells flows apart."),
      ageColumn,
      column("MissingPL", "True when the priority level does not exist."),
    ],
    cells(object, nowMs) {
      const spec = object["spec"] ?? {};
      const conditions: Struct[] = object["status"]?.conditions ?? [];
      return [
        object.metadata.name ?? "",
        spec.priorityLevelConfiguration?.name ?? "",
        spec.matchingPrecedence ?? 0,
        spec.distinguisherMethod?.type ?? "<none>",
        age(object, nowMs),
        conditions.find((condition) => condition["type"] === "Dangling")?.["status"] ?? "?",
      ];
    },
  },
};

export const priorityLevelConfiguration: NativeKind = {
  defaults: {
    [`${v1}.ExemptPriorityLevelConfiguration`]: (level) => {
      level["nominalConcurrencyShares"] ??= 0;
      level["lendablePercent"] ??= 0;
    },
    [`${v1}.LimitedPriorityLevelConfiguration`]: (level) => {
      level["nominalConcurrencyShares"] ??= 30;
      level["lendablePercent"] ??= 0;
    },
    [`${v1}.QueuingConfiguration`]: (queuing) => {
      queuing["handSize"] ||= 8;
      queuing["queues"] ||= 64;
      queuing["queueLengthLimit"] ||= 50;
    },
  },
  hasGeneration: true,
  table: {
    columns: [
      nameColumn,
      column("Type", "Exempt or Limited."),
      column("NominalConcurrencyShares", "Its share of the concurrency."),
      column("Queues", "The number of queues."),
      column("HandSize", "Queues a flow may use."),
      column("QueueLengthLimit", "Requests a queue may hold."),
      ageColumn,
    ],
    cells(object, nowMs) {
      const { type = "", limited } = object["spec"] ?? {};
      const queuing = limited?.limitResponse?.queuing;
      return [
        object.metadata.name ?? "",
        type,
        limited?.nominalConcurrencyShares ?? "<none>",
        queuing?.queues ?? "<none>",
        queuing?.handSize ?? "<none>",
        queuing?.queueLengthLimit ?? "<none>",
        age(object, nowMs),
      ];
    },
  },
};
