import { formatLabelSelector, type KubeObject } from "@podwright/kube";
import { age, ageColumn, column, nameColumn } from "../resources/columns.ts";
import { equalJson } from "../resources/equal.ts";
import { ageOf, humanDuration } from "../resources/human-duration.ts";
import { validateJob, validateJobUpdate } from "./job-validation.ts";
import { type NativeKind, podTemplateOf, type Struct } from "./kind.ts";

import { containerCells, containersColumn, imagesColumn, selectorColumn } from "./workload-columns.ts";

export const job: NativeKind = {
  defaults: {
    "io.k8s.api.batch.v1.Job": (object) => {
      const spec = object["spec"];
      if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
      spec.parallelism ??= 1;
      spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
      const labels = spec.template?.metadata?.labels;
      const metadata = object["metadata"];
      if (labels !== undefined && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
      spec.completionMode ??= "NonIndexed";
      spec.suspend ??= false;
      spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed";
      spec.manualSelector ??= false;
    },
    "io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern": (pattern) => {
      pattern["status"] ||= "True";
    },
  },
  hasGeneration: true,
  prepareForCreate(object) {
    if (!object["spec"].manualSelector) generateSelector(object);
  },
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  selectableFields: { "status.successful": (object) => object["status"]?.succeeded ?? 0 },
  table: {
    columns: [
      nameColumn,
      column("Status", "What the job is doing."),
      column("Completions", "Pods that succeeded, of those needed."),
      column("Duration", "How long the job took, or has taken so far."),
      ageColumn,
      containersColumn,
      imagesColumn,
      selectorColumn,
    ],
    cells: (object, nowMs) => [
      object.metadata.name ?? "",
      jobStatus(object),
      completions(object),
      duration(object["status"] ?? {}, nowMs),
      age(object, nowMs),
      ...containerCells(podTemplateOf(object)),
      formatLabelSelector(object["spec"]?.selector),
    ],
  },
};

/** Labels the pods with the job's name and uid and selects them by uid (k8s.io/kubernetes/pkg/registry/batch/job/strategy.go). */
function generateSelector({ metadata, spec }: KubeObject): void {
  spec.template ??= {};
  spec.template.metadata ??= {};
  spec.template.metadata.labels ??= {};
  const labels = spec.template.metadata.labels;
  // Labels that were copied from the template keep up with it.
  const copied = equalJson(metadata.labels ?? {}, labels);
  for (const label of ["job-name", "batch.kubernetes.io/job-name"]) labels[label] ??= metadata.name ?? "";
  for (const label of ["controller-uid", "batch.kubernetes.io/controller-uid"]) labels[label] ??= metadata.uid;
  if (copied) metadata.labels = { ...labels };
  spec.selector ??= {};
  spec.selector.matchLabels ??= {};
  spec.selector.matchLabels["batch.kubernetes.io/controller-uid"] ??= metadata.uid;
}

function jobStatus(object: KubeObject): string {
  const conditions: Struct[] = object["status"]?.conditions ?? [];
  const has = (type: string) => conditions.find((condition) => condition["type"] === type)?.["status"] === "True";
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (object.metadata.deletionTimestamp !== undefined) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(has) ?? "Running";
}

function completions(object: KubeObject): string {
  const succeeded = object["status"]?.succeeded ?? 0;
  const { completions: needed, parallelism = 0 } = object["spec"] ?? {};
  if (needed !== undefined) return `${succeeded}/${needed}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration(status: Struct, nowMs: number): string {
  if (!status["startTime"]) return "";
  if (!status["completionTime"]) return ageOf(status["startTime"], nowMs);
  return humanDuration(Date.parse(status["completionTime"]) - Date.parse(status["startTime"]));
}
