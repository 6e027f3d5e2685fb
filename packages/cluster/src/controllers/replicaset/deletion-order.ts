import type { Pod } from "../../kinds.ts";
import { isPodReady, isSidecar, podCondition } from "../../pods.ts";

const phaseOrder: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

/**
 * The pods to delete, the ones that are missed least first: unassigned, not running, not ready, cheap by
 * annotation, doubled up on a node, ready for a short time, restarted often, young
 * (k8s.io/kubernetes/pkg/controller/controller_utils.go, ActivePodsWithRanks).
 *
 * @param related all pods of the same owner's ReplicaSets: what is doubled up is counted among them.
 */
export function podsToDelete(active: readonly Pod[], related: readonly Pod[], count: number, nowMs: number): Pod[] {
  if (count >= active.length) return [...active];
  const perNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec.nodeName;
    if (node && isPodReady(pod)) perNode.set(node, (perNode.get(node) ?? 0) + 1);
  }
  const rank = (pod: Pod): number => perNode.get(pod.spec.nodeName ?? "") ?? 0;
  return [...active].sort((a, b) => compare(a, b, rank, nowMs)).slice(0, count);
}

function compare(a: Pod, b: Pod, rank: (pod: Pod) => number, nowMs: number): number {
  const assigned = (pod: Pod): number => (pod.spec.nodeName ? 1 : 0);
  if (assigned(a) !== assigned(b)) return assigned(a) - assigned(b);

  const phase = (pod: Pod): number => phaseOrder[pod.status?.phase ?? "Pending"] ?? 0;
  if (phase(a) !== phase(b)) return phase(a) - phase(b);

  const [readyA, readyB] = [isPodReady(a), isPodReady(b)];
  if (readyA !== readyB) return readyA ? 1 : -1;

  if (deletionCost(a) !== deletionCost(b)) return deletionCost(a) - deletionCost(b);

  if (rank(a) !== rank(b)) return rank(b) - rank(a);

  if (readyA && readyB) {
    const [sinceA, sinceB] = [readySince(a), readySince(b)];
    if (sinceA !== sinceB) return byAge(sinceA, sinceB, nowMs) || compareUid(a, b);
  }

  const [restartsA, restartsB] = [restarts(a), restarts(b)];
  if (restartsA.regular !== restartsB.regular) return restartsB.regular - restartsA.regular;
  if (restartsA.sidecars !== restartsB.sidecars) return restartsB.sidecars - restartsA.sidecars;

  const [createdA, createdB] = [timeOf(a.metadata.creationTimestamp), timeOf(b.metadata.creationTimestamp)];
  if (createdA !== createdB) return byAge(createdA, createdB, nowMs) || compareUid(a, b);
  return 0;
}

/** Younger first; ages of the same power of two count as equal, no time at all as the youngest. */
function byAge(a: number | undefined, b: number | undefined, nowMs: number): number {
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  return logarithm(nowMs - a) - logarithm(nowMs - b);
}

function logarithm(ageMs: number): number {
  return ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6));
}

function compareUid(a: Pod, b: Pod): number {
  return (a.metadata.uid ?? "") < (b.metadata.uid ?? "") ? -1 : 1;
}

function deletionCost(pod: Pod): number {
  const cost = pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"];
  return cost !== undefined && /^-?\d+$/.test(cost) ? Number(cost) : 0;
}

function readySince(pod: Pod): number | undefined {
  return timeOf(podCondition(pod, "Ready")?.lastTransitionTime);
}

function timeOf(text: string | null | undefined): number | undefined {
  return text == null ? undefined : Date.parse(text);
}

function restarts(pod: Pod): { regular: number; sidecars: number } {
  const sidecarNames = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map((container) => container.name));
  const most = (counts: number[]): number => counts.reduce((max, count) => Math.max(max, count), 0);
  return {
    regular: most((pod.status?.containerStatuses ?? []).map((status) => status.restartCount)),
    sidecars: most(
      (pod.status?.initContainerStatuses ?? [])
        .filter((status) => sidecarNames.has(status.name))
        .map((status) => status.restartCount),
    ),
  };
}
