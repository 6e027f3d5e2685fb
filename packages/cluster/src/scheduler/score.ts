import { isTolerated } from "@podwright/kube/node-selection";
import { type Amounts, nonZeroPodRequests } from "../resources.ts";
import type { PodDemands } from "./filters.ts";
import type { NodeInfo } from "./node-info.ts";

/**
 * How well a node suits, more is better: what remains free of CPU and memory once the pod is there, in percent
 * (noderesources/least_allocated.go), less for taints that only prefer no pods.
 */
export function score(demands: PodDemands, weighed: Amounts, info: NodeInfo): number {
  let free = 0;
  for (const resource of ["cpu", "memory"]) {
    const capacity = info.allocatable[resource] ?? 0;
    const taken = (info.weighed[resource] ?? 0) + (weighed[resource] ?? 0);
    if (capacity > 0 && taken <= capacity) free += ((capacity - taken) * 100) / capacity;
  }
  const disliked = (info.node?.spec?.taints ?? []).filter(
    (taint) => taint.effect === "PreferNoSchedule" && !isTolerated(taint, demands.pod.spec.tolerations ?? []),
  );
  return free / 2 - 100 * disliked.length;
}

/** The best of the nodes; among equals the one with the fewest pods, then the first by name. */
export function best(demands: PodDemands, feasible: readonly NodeInfo[]): NodeInfo | undefined {
  if (feasible.length <= 1) return feasible[0];
  const weighed = nonZeroPodRequests(demands.pod.spec);
  let winner: { info: NodeInfo; score: number } | undefined;
  for (const info of feasible) {
    const candidate = { info, score: score(demands, weighed, info) };
    if (winner === undefined || beats(candidate, winner)) winner = candidate;
  }
  return winner?.info;
}

function beats(a: { info: NodeInfo; score: number }, b: { info: NodeInfo; score: number }): boolean {
  if (a.score !== b.score) return a.score > b.score;
  if (a.info.podCount !== b.info.podCount) return a.info.podCount < b.info.podCount;
  return a.info.name < b.info.name;
}
