import {
  type FieldError,
  fieldError,
  isPercent,
  type KubeObject,
  labelSelectorFromObject,
  validateLabelSelector,
} from "@podwright/kube";
import { equalJson } from "../resources/equal.ts";
import { type Errors, invalid, isImmutable, nonNegative } from "./field-checks.ts";
import { podTemplateOf, type Struct } from "./kind.ts";
import { podTemplate } from "./pod/spec-validation.ts";

/*
 * What workloads have in common: a selector, a template that it matches, and how updates roll out
 * (k8s.io/kubernetes/pkg/apis/apps/validation/validation.go).
 */

/** A selector that must be there and select something. */
export function workloadSelector(errors: Errors, selector: Struct | undefined, noun: string): void {
  if (!selector) {
    errors.push(fieldError.required("spec.selector"));
    return;
  }
  errors.push(...validateLabelSelector(selector, "spec.selector"));
  notEmpty(errors, selector, noun);
}

export function notEmpty(errors: Errors, selector: Struct | undefined, noun: string): void {
  if (!selector) return;
  const size = Object.keys(selector["matchLabels"] ?? {}).length + (selector["matchExpressions"] ?? []).length;
  if (size === 0) errors.push(fieldError.invalid("spec.selector", selector, `empty selector is invalid for ${noun}`));
}

/** Labels of the template, which the selector must match. Says false when the selector cannot be read. */
export function templateMatches(errors: Errors, object: KubeObject, emptyMatches: boolean): boolean {
  const labels: Record<string, string> | undefined = podTemplateOf(object)["metadata"]?.labels;
  let selects: boolean;
  try {
    const selector: Struct | undefined = object["spec"].selector ?? undefined;
    const parsed = labelSelectorFromObject(selector);
    const isEmpty = selector !== undefined && parsed.toString() === "";
    selects = (emptyMatches && isEmpty) || parsed.matches(labels ?? {});
  } catch {
    return false;
  }
  if (!selects) {
    const detail = "`selector` does not match template `labels`";
    errors.push(fieldError.invalid("spec.template.metadata.labels", labels ?? null, detail));
  }
  return true;
}

/** A template whose pods run for ever. */
export function everRunningTemplate(errors: Errors, object: KubeObject, noun: string): void {
  podTemplate(errors, "spec.template", podTemplateOf(object));
  alwaysRestarts(errors, object, noun);
}

export function alwaysRestarts(errors: Errors, object: KubeObject, noun: string): void {
  const { restartPolicy, activeDeadlineSeconds } = podTemplateOf(object)["spec"] ?? {};
  const path = "spec.template.spec";
  if (restartPolicy !== "Always") {
    errors.push(fieldError.notSupported(`${path}.restartPolicy`, restartPolicy ?? "", ["Always"]));
  }
  if (activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${noun} is not Supported`;
    errors.push(fieldError.forbidden(`${path}.activeDeadlineSeconds`, detail));
  }
}

/** Selector and template as Deployments and ReplicaSets have them. */
export function selectorAndTemplate(errors: Errors, object: KubeObject): void {
  workloadSelector(errors, object["spec"].selector, "deployment");
  if (templateMatches(errors, object, true)) everRunningTemplate(errors, object, "ReplicaSet");
  else errors.push(fieldError.invalid("spec.selector", object["spec"].selector, "invalid label selector"));
}

export function selectorStays(errors: Errors, object: KubeObject, old: KubeObject): void {
  const selector: Struct | undefined = object["spec"].selector;
  if (!equalJson(selector, old["spec"].selector)) {
    errors.push(fieldError.invalid("spec.selector", selector ?? null, isImmutable));
  }
}

/** "25%", or a number that is not negative. */
export function intOrPercent(errors: Errors, path: string, value: number | string | undefined): void {
  if (typeof value === "string") invalid(errors, path, value, isPercent(value));
  else nonNegative(errors, path, value ?? 0);
}

/** The number or percentage, without regard to which it is. */
export function intOrPercentValue(value: number | string | undefined): number {
  return typeof value === "number" ? value : Number.parseInt(value ?? "0", 10) || 0;
}

export function atMost100Percent(errors: Errors, path: string, value: number | string | undefined): void {
  if (typeof value === "string" && isPercent(value).length === 0 && intOrPercentValue(value) > 100) {
    errors.push(fieldError.invalid(path, value, "must not be greater than 100%"));
  }
}

/** Counts in a workload's status: none negative, none above the replicas it is part of. */
export function statusCounts(
  object: KubeObject,
  counts: readonly string[],
  partsOfReplicas: readonly string[],
  readyName: string,
): FieldError[] {
  const errors: Errors = [];
  const status: Struct = object["status"] ?? {};
  for (const field of counts) nonNegative(errors, `status.${field}`, status[field]);
  for (const field of partsOfReplicas) {
    if ((status[field] ?? 0) <= (status["replicas"] ?? 0)) continue;
    errors.push(fieldError.invalid(`status.${field}`, status[field], "cannot be greater than status.replicas"));
  }
  const available = status["availableReplicas"] ?? 0;
  if (available > (status["readyReplicas"] ?? 0)) {
    errors.push(fieldError.invalid("status.availableReplicas", available, `cannot be greater than ${readyName}`));
  }
  return errors;
}

/** status.collisionCount, which makes names of generated objects unique, may only go up. */
export function collisionCountGrows(errors: Errors, object: KubeObject, old: KubeObject): void {
  const now = object["status"]?.collisionCount ?? 0;
  if (now < (old["status"]?.collisionCount ?? 0)) {
    errors.push(fieldError.invalid("status.collisionCount", now, "cannot be decremented"));
  }
}
