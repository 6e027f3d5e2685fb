/** Jobs as they are on the wire, and what can be said of one from its object alone. */
import type { KubeObject } from "@podwright/kube";
import type { Condition, LabelSelectorObject, PodTemplate } from "../../kinds.ts";
import { findCondition } from "../conditions.ts";

export interface PodFailureRule {
  action: "Ignore" | "FailIndex" | "Count" | "FailJob";
  onExitCodes?: { containerName?: string; operator: "In" | "NotIn"; values: number[] };
  onPodConditions?: { type: string; status: string }[];
}

export interface SuccessRule {
  succeededIndexes?: string;
  succeededCount?: number;
}

export interface JobSpec {
  parallelism?: number;
  completions?: number;
  activeDeadlineSeconds?: number;
  backoffLimit?: number;
  backoffLimitPerIndex?: number;
  maxFailedIndexes?: number;
  podFailurePolicy?: { rules: PodFailureRule[] };
  successPolicy?: { rules: SuccessRule[] };
  selector: LabelSelectorObject;
  template: PodTemplate;
  ttlSecondsAfterFinished?: number;
  completionMode?: string;
  suspend?: boolean;
  podReplacementPolicy?: "TerminatingOrFailed" | "Failed";
  managedBy?: string;
}

export interface JobStatus {
  conditions?: Condition[];
  startTime?: string;
  completionTime?: string;
  active?: number;
  succeeded?: number;
  failed?: number;
  terminating?: number;
  completedIndexes?: string;
  failedIndexes?: string;
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
  ready?: number;
}

export interface Job extends KubeObject {
  spec: JobSpec;
  status?: JobStatus;
}

/** Keeps a pod until its end has been counted. */
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";

const controllerName = "kubernetes.io/job-controller";

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === "Indexed";
}

export function isSuspended({ spec }: Job): boolean {
  return spec.suspend === true;
}

export function isManagedElsewhere({ spec }: Job): boolean {
  return spec.managedBy !== undefined && spec.managedBy !== controllerName;
}

/** Pods are replaced when they have failed, not already when they are being deleted. */
export function replacesOnlyFailed({ spec }: Job): boolean {
  return spec.podReplacementPolicy === "Failed" || spec.podFailurePolicy !== undefined;
}

/** The condition that ended the Job: Complete or Failed. */
export function finishedCondition({ status }: Job): Condition | undefined {
  return (status?.conditions ?? []).find(
    ({ type, status: value }) => (type === "Complete" || type === "Failed") && value === "True",
  );
}

/** The condition of that type, when it holds. */
export function trueCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  const condition = findCondition(conditions, type);
  return condition?.status === "True" ? condition : undefined;
}
