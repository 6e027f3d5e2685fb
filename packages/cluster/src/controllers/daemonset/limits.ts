/** The numbers of a DaemonSet's rollout (k8s.io/kubernetes/pkg/controller/daemon/util, updatedDesiredNodeCounts). */
import type { DaemonSet } from "./daemon-set.ts";

export interface Limits {
  maxSurge: number;
  maxUnavailable: number;
}

/** @param desired how many nodes want a pod. When both come to nothing, one may be unavailable. */
export function limitsOf(set: DaemonSet, desired: number): Limits {
  const { type = "RollingUpdate", rollingUpdate } = set.spec.updateStrategy ?? {};
  if (type !== "RollingUpdate") return { maxSurge: 0, maxUnavailable: 0 };
  const maxSurge = scaled(rollingUpdate?.maxSurge ?? 0, desired);
  const maxUnavailable = scaled(rollingUpdate?.maxUnavailable ?? 1, desired);
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable };
}

export function allowsSurge(set: DaemonSet): boolean {
  return limitsOf(set, 1).maxSurge > 0;
}

/** 3 or "25%" of the total, rounded up. */
function scaled(value: number | string, total: number): number {
  if (typeof value === "number") return value;
  const percent = /^(\d+)%$/.exec(value)?.[1];
  return percent === undefined ? 0 : Math.ceil((Number(percent) * total) / 100);
}
