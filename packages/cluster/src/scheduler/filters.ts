/**
 * Whether a pod may run on a node, and if not, why (k8s.io/kubernetes/pkg/scheduler/framework/plugins: the
 * filters in the order of the default profile; the first that refuses decides).
 */
import { isTolerated, matchesNodeTerms, unschedulableTaint } from "@podwright/kube/node-selection";
import type { Pod } from "../kinds.ts";
import { type Amounts, podRequests, shortages } from "../resources.ts";
import { hostPorts, type NodeInfo } from "./node-info.ts";

export interface Refusal {
  /** Upstream's texts, several when several resources are short. */
  reasons: string[];
  /** False when no eviction of other pods could help. */
  resolvable: boolean;
}

/** What is worked out once per pod, not once per node. */
export interface PodDemands {
  pod: Pod;
  requests: Amounts;
  hostPorts: ReturnType<typeof hostPorts>;
}

export function demandsOf(pod: Pod): PodDemands {
  return { pod, requests: podRequests(pod.spec), hostPorts: hostPorts(pod) };
}

/** Undefined when the pod may run there. */
export function refuse(demands: PodDemands, info: NodeInfo): Refusal | undefined {
  const { pod } = demands;
  const { node } = info;
  if (node === undefined) return { reasons: ["node(s) not found"], resolvable: false };
  const tolerations = pod.spec.tolerations ?? [];

  if (node.spec?.unschedulable && !isTolerated(unschedulableTaint, tolerations)) {
    return { reasons: ["node(s) were unschedulable"], resolvable: false };
  }
  if (pod.spec.nodeName && pod.spec.nodeName !== info.name) {
    return { reasons: ["node(s) didn't match the requested node name"], resolvable: false };
  }
  const untolerated = node.spec?.taints?.some(
    (taint) => (taint.effect === "NoSchedule" || taint.effect === "NoExecute") && !isTolerated(taint, tolerations),
  );
  if (untolerated) return { reasons: ["node(s) had untolerated taint(s)"], resolvable: false };
  if (!matchesNodeSelection(pod, info)) {
    return { reasons: ["node(s) didn't match Pod's node affinity/selector"], resolvable: false };
  }
  if (info.hasPortConflict(demands.hostPorts)) {
    return { reasons: ["node(s) didn't have free ports for the requested pod ports"], resolvable: true };
  }
  return refuseByResources(demands.requests, info);
}

function refuseByResources(requests: Amounts, info: NodeInfo): Refusal | undefined {
  const reasons: string[] = [];
  let resolvable = true;
  if (info.podCount + 1 > (info.allocatable["pods"] ?? 0)) reasons.push("Too many pods");
  for (const { resource, requested, capacity } of shortages(requests, info.allocatable, info.requested)) {
    reasons.push(`Insufficient ${resource}`);
    if (requested > capacity) resolvable = false;
  }
  return reasons.length > 0 ? { reasons, resolvable } : undefined;
}

/** nodeSelector and required node affinity (component-helpers/scheduling/corev1/nodeaffinity). */
export function matchesNodeSelection(pod: Pod, info: Pick<NodeInfo, "name" | "node">): boolean {
  const labels = info.node?.metadata.labels ?? {};
  for (const [name, value] of Object.entries(pod.spec.nodeSelector ?? {})) {
    if (labels[name] !== value) return false;
  }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return true;
  return matchesNodeTerms(required.nodeSelectorTerms, { name: info.name, labels });
}
