import type { Refusal } from "./filters.ts";

const longestMessage = 1024;

/**
 * Why no node takes the pod, in upstream's words: how many nodes for which reason, and that eviction of other
 * pods does not help (scheduler/framework/types.go, FitError).
 */
export function describeRefusals(refusals: readonly Refusal[], preemptionPolicy: string | undefined): string {
  if (refusals.length === 0) return "no nodes available to schedule pods";
  const reasons = histogram(refusals.flatMap((refusal) => refusal.reasons));
  // The plugin of dynamic resources has its say before preemption: it has nothing to give back.
  const preemption = `no new claims to deallocate, ${describePreemption(refusals, preemptionPolicy)}`;
  return `${unavailable(refusals.length)}: ${reasons}. ${preemption}`;
}

/**
 * The same for a reason that has nothing to do with the nodes. Nobody got as far as the dynamic resources then:
 * the last words are what their plugin says when it finds nothing of its own.
 */
export function describeProblem(problem: string, nodes: number): string {
  return nodes === 0 ? "no nodes available to schedule pods" : `${unavailable(nodes)}: ${problem}. not found`;
}

function describePreemption(refusals: readonly Refusal[], preemptionPolicy: string | undefined): string {
  if (preemptionPolicy === "Never") return "preemption: not eligible due to preemptionPolicy=Never.";
  const reasons = refusals.map((refusal) =>
    refusal.resolvable ? "No preemption victims found for incoming pod" : "Preemption is not helpful for scheduling",
  );
  return `preemption: ${unavailable(refusals.length)}: ${histogram(reasons)}.`;
}

function unavailable(count: number): string {
  return `0/${count} nodes are available`;
}

/** "1 Insufficient cpu, 2 node(s) were unschedulable": sorted as texts. */
function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ");
}

/** Events carry at most so much text. */
export function truncate(message: string): string {
  return message.length <= longestMessage ? message : `${message.slice(0, longestMessage - 4)} ...`;
}
