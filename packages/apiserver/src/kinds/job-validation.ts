import {
  type FieldError,
  fieldError,
  isDns1123Label,
  type KubeObject,
  labelSelectorFromObject,
  validateLabelSelector,
} from "@podwright/kube";
import { equalJson } from "../resources/equal.ts";
import { type Errors, isImmutable, nonNegative, optionalOneOf } from "./field-checks.ts";
import { podTemplateOf, type Struct } from "./kind.ts";
import { podTemplate } from "./pod/spec-validation.ts";
import { templateMatches } from "./workload-validation.ts";

const maxParallelismOfIndexedJobs = 100_000;

/** k8s.io/kubernetes/pkg/apis/batch/validation/validation.go, ValidateJob */
export function validateJob(object: KubeObject): FieldError[] {
  const errors: Errors = [];
  const spec: Struct = object["spec"];
  if (!spec["manualSelector"]) generatedSelector(errors, object);
  jobSpec(errors, "spec", spec);
  if (spec["selector"] === undefined) errors.push(fieldError.required("spec.selector"));
  else errors.push(...validateLabelSelector(spec["selector"], "spec.selector"));
  templateMatches(errors, object, false);
  if (spec["completionMode"] === "Indexed" && spec["completions"] > 0) {
    const name = object.metadata.name ?? "";
    const hostname = `${name}-${spec["completions"] - 1}`;
    if (isDns1123Label(hostname).length > 0) {
      const detail = `will not able to create pod with invalid DNS label: ${hostname}`;
      errors.push(fieldError.invalid("metadata.name", name, detail));
    }
  }
  return errors;
}

export function validateJobUpdate(object: KubeObject, old: KubeObject): FieldError[] {
  const errors = validateJob(object);
  const spec: Struct = object["spec"];
  const before: Struct = old["spec"];
  const immutable = (field: string) => {
    if (!equalJson(spec[field], before[field])) {
      errors.push(fieldError.invalid(`spec.${field}`, spec[field] ?? null, isImmutable));
    }
  };
  if (spec["completionMode"] !== "Indexed") immutable("completions");
  else if (spec["completions"] !== before["completions"] && spec["completions"] !== spec["parallelism"]) {
    const detail = "can only be modified in tandem with spec.parallelism";
    errors.push(fieldError.invalid("spec.completions", spec["completions"] ?? null, detail));
  }
  immutable("selector");
  if (!equalJson(comparableTemplate(object, old), podTemplateOf(old))) {
    errors.push(fieldError.invalid("spec.template", podTemplateOf(object), isImmutable));
  }
  for (const field of ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]) {
    immutable(field);
  }
  return errors;
}

/** A suspended job that has not started may still be moved to other nodes. */
function comparableTemplate(object: KubeObject, old: KubeObject): Struct {
  const template = podTemplateOf(object);
  if (!old["spec"].suspend || old["status"]?.startTime !== undefined) return template;
  const before = podTemplateOf(old);
  const spec: Struct = { ...template["spec"] };
  for (const field of ["nodeSelector", "tolerations", "schedulingGates", "affinity"]) {
    if (before["spec"]?.[field] === undefined) delete spec[field];
    else spec[field] = before["spec"][field];
  }
  return { ...template, metadata: before["metadata"], spec };
}

function generatedSelector(errors: Errors, object: KubeObject): void {
  const selector: Struct | undefined = object["spec"].selector;
  if (selector === undefined) return;
  const { uid = "", name = "" } = object.metadata;
  const labels: Record<string, string> = podTemplateOf(object)["metadata"]?.labels ?? {};
  const expected: Record<string, string> = {
    "controller-uid": uid,
    "job-name": name,
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
  };
  for (const [key, value] of Object.entries(expected)) {
    const path = `spec.template.metadata.labels[${key}]`;
    if (labels[key] === undefined) errors.push(fieldError.required(path, `must be '${value}'`));
    else if (labels[key] !== value) errors.push(fieldError.invalid(path, labels, `must be '${value}'`));
  }
  try {
    if (labelSelectorFromObject(selector).matches(expected)) return;
  } catch {
    return;
  }
  errors.push(fieldError.invalid("spec.selector", selector, "`selector` not auto-generated"));
}

/** The spec of a job, or of a CronJob's template. */
export function jobSpec(errors: Errors, path: string, spec: Struct): void {
  const fields = [
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
  ];
  for (const field of fields) nonNegative(errors, `${path}.${field}`, spec[field]);
  const { maxFailedIndexes, backoffLimitPerIndex, completions, completionMode, podFailurePolicy } = spec;
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    errors.push(fieldError.required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  }
  optionalOneOf(errors, `${path}.completionMode`, completionMode, ["NonIndexed", "Indexed"]);
  if (completionMode === "Indexed") {
    if (completions === undefined) {
      errors.push(fieldError.required(`${path}.completions`, "when completion mode is Indexed"));
    }
    if (spec["parallelism"] > maxParallelismOfIndexedJobs) {
      const detail = `must be less than or equal to ${maxParallelismOfIndexedJobs} when completion mode is Indexed`;
      errors.push(fieldError.invalid(`${path}.parallelism`, spec["parallelism"], detail));
    }
    if (completions !== undefined && maxFailedIndexes > completions) {
      const detail = "must be less than or equal to completions";
      errors.push(fieldError.invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, detail));
    }
  } else if (completionMode === undefined || completionMode === "NonIndexed") {
    for (const field of ["backoffLimitPerIndex", "maxFailedIndexes"]) {
      if (spec[field] === undefined) continue;
      errors.push(fieldError.invalid(`${path}.${field}`, spec[field], "requires indexed completion mode"));
    }
  }
  if (spec["successPolicy"] !== undefined && completionMode !== "Indexed") {
    errors.push(fieldError.invalid(`${path}.successPolicy`, spec["successPolicy"], "requires indexed completion mode"));
  }
  const replacements = podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"];
  optionalOneOf(errors, `${path}.podReplacementPolicy`, spec["podReplacementPolicy"], replacements);
  podTemplate(errors, `${path}.template`, spec["template"] ?? {});
  endingRestartPolicy(errors, `${path}.template.spec.restartPolicy`, spec);
}

/** Pods of jobs come to an end. */
function endingRestartPolicy(errors: Errors, path: string, spec: Struct): void {
  const policy: string = spec["template"]?.spec?.restartPolicy ?? "";
  if (policy === "" || policy === "Always") {
    errors.push(fieldError.required(path, 'valid values: "OnFailure", "Never"'));
  } else if (policy !== "OnFailure" && policy !== "Never") {
    errors.push(fieldError.notSupported(path, policy, ["OnFailure", "Never"]));
  } else if (spec["podFailurePolicy"] !== undefined && policy !== "Never") {
    const detail = 'only "Never" is supported when podFailurePolicy is specified';
    errors.push(fieldError.invalid(path, policy, detail));
  }
}
