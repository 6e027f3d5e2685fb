/** Status and conditions of a Deployment (k8s.io/kubernetes/pkg/controller/deployment/{sync,progress}.go). */
import { formatTime } from "@podwright/kube";
import type { Deployment, DeploymentStatus, ReplicaSet } from "../../kinds.ts";
import { findCondition, removeCondition, setCondition } from "../conditions.ts";
import { maxUnavailable, replicasOf, sumReplicas } from "./limits.ts";
import { hasProgressDeadline, type Rollout, setDeploymentCondition, splitReplicaSets } from "./rollout.ts";

/** Counts pods and says whether enough are available. Zero counts are left out, as on the wire. */
export function updateCounts(rollout: Rollout): void {
  const { deployment, replicaSets } = rollout;
  const { current } = splitReplicaSets(rollout);
  const total = (count: (replicaSet: ReplicaSet) => number | undefined): number =>
    replicaSets.reduce((sum, replicaSet) => sum + (count(replicaSet) ?? 0), 0);
  const available = total((replicaSet) => replicaSet.status?.availableReplicas);
  const terminating = terminatingReplicas(replicaSets);
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation ?? 1,
    ...count(
      "replicas",
      total((replicaSet) => replicaSet.status?.replicas),
    ),
    ...count("updatedReplicas", current?.status?.replicas ?? 0),
    ...count(
      "readyReplicas",
      total((replicaSet) => replicaSet.status?.readyReplicas),
    ),
    ...count("availableReplicas", available),
    ...count("unavailableReplicas", Math.max(sumReplicas(replicaSets) - available, 0)),
  };
  if (terminating !== undefined) status.terminatingReplicas = terminating;
  const { collisionCount, conditions } = deployment.status;
  if (collisionCount !== undefined) status.collisionCount = collisionCount;
  if (conditions !== undefined) status.conditions = conditions;
  deployment.status = status;
  if (available >= replicasOf(deployment) - maxUnavailable(deployment)) {
    const message = "Deployment has minimum availability.";
    setDeploymentCondition(rollout, "Available", "True", "MinimumReplicasAvailable", message);
  } else {
    const message = "Deployment does not have minimum availability.";
    setDeploymentCondition(rollout, "Available", "False", "MinimumReplicasUnavailable", message);
  }
}

function count(name: keyof DeploymentStatus, value: number): DeploymentStatus {
  return value === 0 ? {} : { [name]: value };
}

/** Undefined when a ReplicaSet that was seen by its controller does not say (a server before 1.35). */
function terminatingReplicas(replicaSets: readonly ReplicaSet[]): number | undefined {
  let sum = 0;
  for (const { status } of replicaSets) {
    if (status?.terminatingReplicas !== undefined) sum += status.terminatingReplicas;
    else if (status?.observedGeneration) return undefined;
  }
  return sum;
}

/** Counts, and the Progressing and ReplicaFailure conditions of a rollout under way. */
export function updateRolloutStatus(rollout: Rollout): void {
  const before = rollout.deployment.status;
  updateCounts(rollout);
  const { deployment } = rollout;
  const { status } = deployment;
  const progressing = findCondition(before.conditions, "Progressing");
  if (!hasProgressDeadline(deployment)) {
    status.conditions = removeCondition(status.conditions, "Progressing");
  } else if (
    (status.replicas ?? 0) !== (status.updatedReplicas ?? 0) ||
    progressing?.reason !== "NewReplicaSetAvailable"
  ) {
    judgeProgress(rollout, before);
  }
  promoteReplicaFailure(rollout);
}

function judgeProgress(rollout: Rollout, before: DeploymentStatus): void {
  const { deployment } = rollout;
  const { status } = deployment;
  const { current } = splitReplicaSets(rollout);
  const what = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, status)) {
    const message = `${what} has successfully progressed.`;
    setDeploymentCondition(rollout, "Progressing", "True", "NewReplicaSetAvailable", message);
  } else if (hasProgressed(before, status)) {
    // Set anew even when the reason stays, so that lastUpdateTime tells of the last progress.
    const old = findCondition(status.conditions, "Progressing");
    const now = formatTime(rollout.nowMs);
    status.conditions = setCondition(removeCondition(status.conditions, "Progressing"), {
      type: "Progressing",
      status: "True",
      lastUpdateTime: now,
      lastTransitionTime: old?.status === "True" ? (old.lastTransitionTime ?? now) : now,
      reason: "ReplicaSetUpdated",
      message: `${what} is progressing.`,
    });
  } else if (isTimedOut(rollout)) {
    const message = `${what} has timed out progressing.`;
    setDeploymentCondition(rollout, "Progressing", "False", "ProgressDeadlineExceeded", message);
  }
}

/** All pods are new and available, and no old ones are left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function isTimedOut(rollout: Rollout): boolean {
  const condition = findCondition(rollout.deployment.status?.conditions, "Progressing");
  if (condition === undefined || condition.reason === "NewReplicaSetAvailable") return false;
  if (condition.reason === "ProgressDeadlineExceeded") return true;
  return deadlineMs(rollout.deployment, condition.lastUpdateTime) < rollout.nowMs;
}

function deadlineMs(deployment: Deployment, lastUpdateTime: string | undefined): number {
  return Date.parse(lastUpdateTime ?? "") + (deployment.spec.progressDeadlineSeconds ?? 0) * 1000;
}

/** When to look whether the rollout is stuck, in milliseconds from now; undefined when there is no need to. */
export function nextProgressCheckMs(rollout: Rollout): number | undefined {
  const { deployment } = rollout;
  const condition = findCondition(deployment.status?.conditions, "Progressing");
  if (!hasProgressDeadline(deployment) || deployment.spec.paused || condition === undefined) return undefined;
  if (isComplete(deployment, deployment.status)) return undefined;
  if (condition.reason === "ProgressDeadlineExceeded" || condition.reason === "NewReplicaSetAvailable") {
    return undefined;
  }
  return Math.max(deadlineMs(deployment, condition.lastUpdateTime) - rollout.nowMs, 0) + 1000;
}

/** Pausing and resuming is noted, so that a pause does not count as lack of progress (checkPausedConditions). */
export function notePause(rollout: Rollout): void {
  const { deployment } = rollout;
  const condition = findCondition(deployment.status?.conditions, "Progressing");
  if (!hasProgressDeadline(deployment) || condition?.reason === "ProgressDeadlineExceeded") return;
  const noted = condition?.reason === "DeploymentPaused";
  if (deployment.spec.paused && !noted) {
    setDeploymentCondition(rollout, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
  } else if (!deployment.spec.paused && noted) {
    setDeploymentCondition(rollout, "Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed");
  }
}

/** A ReplicaSet's failure to create pods is the Deployment's: the new one's first. */
function promoteReplicaFailure(rollout: Rollout): void {
  const { current } = splitReplicaSets(rollout);
  const { status } = rollout.deployment;
  for (const replicaSet of current ? [current, ...rollout.replicaSets] : rollout.replicaSets) {
    const failure = findCondition(replicaSet.status?.conditions, "ReplicaFailure");
    if (failure === undefined) continue;
    const { lastTransitionTime } = failure;
    status.conditions = setCondition(status.conditions, {
      ...failure,
      ...(lastTransitionTime ? { lastUpdateTime: lastTransitionTime } : {}),
    });
    return;
  }
  if (findCondition(status.conditions, "ReplicaFailure")) {
    status.conditions = removeCondition(status.conditions, "ReplicaFailure");
  }
}
