import { formatLabelSelector } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { ageOf } from "../resources/human-duration.ts";
import type { NativeKind } from "./kind.ts";

import { containerCells, containersColumn, imagesColumn, selectorColumn } from "./workload-columns.ts";

export const cronJob: NativeKind = {
  defaults: {
    "io.k8s.api.batch.v1.CronJob": ({ spec }) => {
      spec.concurrencyPolicy ||= "Allow";
      spec.suspend ??= false;
      spec.successfulJobsHistoryLimit ??= 3;
      spec.failedJobsHistoryLimit ??= 1;
    },
  },
  hasGeneration: true,
  table: {
    columns: [
      nameColumn,
      column("Schedule", "When jobs start, in cron format."),
      column("Timezone", "The time zone of the schedule."),
      column("Suspend", "True while no jobs are started.", "boolean"),
      column("Active", "Jobs running now.", "integer"),
      column("Last Schedule", "The time since a job was started last."),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    cells(object, nowMs) {
      const spec = object["spec"] ?? {};
      const status = object["status"] ?? {};
      return [
        object.metadata.name ?? "",
        spec.schedule ?? "",
        spec.timeZone ?? "<none>",
        spec.suspend === undefined ? "<unset>" : spec.suspend ? "True" : "False",
        status.active?.length ?? 0,
        status.lastScheduleTime ? ageOf(status.lastScheduleTime, nowMs) : "<none>",
        age(object, nowMs),
        ...containerCells(spec.jobTemplate?.spec?.template),
        formatLabelSelector(spec.jobTemplate?.spec?.selector),
      ];
    },
  },
};
