import { type FieldError, fieldError, formatLabelSelector, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { ageOf } from "../resources/human-duration.ts";
import { cronScheduleError } from "./cron-schedule.ts";
import { type Errors, nonNegative, requiredOneOf } from "./field-checks.ts";
import { jobSpec } from "./job-validation.ts";
import type { NativeKind, Struct } from "./kind.ts";

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
  validate(object) {
    const errors = validateCronJob(object);
    const name = object.metadata.name ?? "";
    // Jobs append the time to it.
    if (name.length > 52) errors.push(fieldError.invalid("metadata.name", name, "must be no more than 52 characters"));
    return errors;
  },
  validateUpdate: validateCronJob,
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

function validateCronJob(object: KubeObject, old?: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  const schedule: string = spec["schedule"] ?? "";
  if (schedule === "") errors.push(fieldError.required("spec.schedule"));
  else {
    const error = cronScheduleError(schedule);
    if (error !== undefined) errors.push(fieldError.invalid("spec.schedule", schedule, error));
    const hadZone = old?.["spec"].schedule.includes("TZ") ?? false;
    if (schedule.includes("TZ") && !hadZone) {
      const detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
      errors.push(fieldError.invalid("spec.schedule", schedule, detail));
    }
  }
  nonNegative(errors, "spec.startingDeadlineSeconds", spec["startingDeadlineSeconds"]);
  if (spec["timeZone"] !== old?.["spec"].timeZone) timeZone(errors, spec["timeZone"]);
  requiredOneOf(errors, "spec.concurrencyPolicy", spec["concurrencyPolicy"], ["Allow", "Forbid", "Replace"]);
  const template: Struct = spec["jobTemplate"]?.spec ?? {};
  jobSpec(errors, "spec.jobTemplate.spec", template);
  if (template["selector"] !== undefined) {
    const detail = "`selector` will be auto-generated";
    errors.push(fieldError.invalid("spec.jobTemplate.spec.selector", template["selector"], detail));
  }
  if (template["manualSelector"]) {
    errors.push(fieldError.notSupported("spec.jobTemplate.spec.manualSelector", true, ["nil", "false"]));
  }
  nonNegative(errors, "spec.successfulJobsHistoryLimit", spec["successfulJobsHistoryLimit"]);
  nonNegative(errors, "spec.failedJobsHistoryLimit", spec["failedJobsHistoryLimit"]);
  return errors;
}

function timeZone(errors: Errors, name: string | undefined): void {
  if (name === undefined) return;
  if (name === "") {
    errors.push(fieldError.invalid("spec.timeZone", name, "timeZone must be nil or non-empty string"));
    return;
  }
  if (name.toLowerCase() === "local") {
    const detail = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
    errors.push(fieldError.invalid("spec.timeZone", name, detail));
    return;
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
  } catch {
    errors.push(fieldError.invalid("spec.timeZone", name, `unknown time zone ${name}`));
  }
}
