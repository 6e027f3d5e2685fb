import type { Condition } from "../kinds.ts";

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The conditions with this one in place of the one of its type. One of the same status and reason is kept as it
 * is; the transition time only moves when the status changes
 * (k8s.io/kubernetes/pkg/controller/deployment/util, SetDeploymentCondition).
 */
export function setCondition(conditions: readonly Condition[] | undefined, condition: Condition): Condition[] {
  const all = conditions ?? [];
  const current = findCondition(all, condition.type);
  if (current !== undefined && current.status === condition.status && current.reason === condition.reason) {
    return [...all];
  }
  const next = { ...condition };
  if (current?.status === condition.status && current.lastTransitionTime !== undefined) {
    next.lastTransitionTime = current.lastTransitionTime;
  }
  return [...removeCondition(all, condition.type), next];
}

export function removeCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
