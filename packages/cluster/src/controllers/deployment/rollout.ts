import { formatTime } from "@podwright/kube";
import type { Condition, Deployment, DeploymentStatus, Pod, ReplicaSet } from "../../kinds.ts";
import { setCondition } from "../conditions.ts";
import { sameTemplate } from "./hash.ts";

/** One pass over a Deployment: what is known, what was changed so far, and what to do things with. */
export interface Rollout {
  /** A copy. Its status and its revision annotation change on the way and are written at the end. */
  deployment: Deployment & { status: DeploymentStatus };
  /** What the Deployment controls, oldest first; replaced as they are written. */
  replicaSets: ReplicaSet[];
  /** Pods of those, by the ReplicaSet's uid. */
  podsOf(replicaSet: ReplicaSet): Pod[];
  writer: ReplicaSetWriter;
  event(type: "Normal" | "Warning", reason: string, message: string): void;
  nowMs: number;
}

export interface ReplicaSetWriter {
  create(replicaSet: ReplicaSet): Promise<ReplicaSet>;
  /** The ReplicaSet of the same name as the server has it. */
  get(replicaSet: ReplicaSet): Promise<ReplicaSet>;
  /** Changes size and annotations, provided that nobody else changed the ReplicaSet meanwhile. */
  change(
    replicaSet: ReplicaSet,
    changes: { replicas?: number; annotations?: Record<string, string>; minReadySeconds?: number },
  ): Promise<ReplicaSet>;
  delete(replicaSet: ReplicaSet): Promise<void>;
}

/** The ReplicaSet of the current template (the oldest, should there be several), and all others. */
export function splitReplicaSets(rollout: Rollout): { current: ReplicaSet | undefined; old: ReplicaSet[] } {
  const current = rollout.replicaSets.find((replicaSet) =>
    sameTemplate(replicaSet.spec.template, rollout.deployment.spec.template),
  );
  return { current, old: rollout.replicaSets.filter((replicaSet) => replicaSet !== current) };
}

/** Puts what was written in the place of what was known. */
export function replaceReplicaSet(rollout: Rollout, written: ReplicaSet): void {
  const index = rollout.replicaSets.findIndex((replicaSet) => replicaSet.metadata.uid === written.metadata.uid);
  if (index < 0) rollout.replicaSets.push(written);
  else rollout.replicaSets[index] = written;
}

/** Those with a size above zero (controller.FilterActiveReplicaSets). */
export function withReplicas(replicaSets: readonly ReplicaSet[]): ReplicaSet[] {
  return replicaSets.filter((replicaSet) => (replicaSet.spec.replicas ?? 1) > 0);
}

/** Oldest first; by name where the time is the same. */
export function compareAge(a: ReplicaSet, b: ReplicaSet): number {
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1;
}

/** Sets a condition of the Deployment as of now. */
export function setDeploymentCondition(
  rollout: Rollout,
  type: "Available" | "Progressing" | "ReplicaFailure",
  status: Condition["status"],
  reason: string,
  message: string,
): void {
  const now = formatTime(rollout.nowMs);
  const { status: deploymentStatus } = rollout.deployment;
  deploymentStatus.conditions = setCondition(deploymentStatus.conditions, {
    type,
    status,
    lastUpdateTime: now,
    lastTransitionTime: now,
    reason,
    message,
  });
}

/** True unless progress is never to be judged. */
export function hasProgressDeadline(deployment: Deployment): boolean {
  const seconds = deployment.spec.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== 0x7fffffff;
}
