import {
  daemonTolerations,
  isTolerated,
  matchesNodeTerms,
  type NodeTerm,
  unschedulableTaint,
} from "@podwright/kube/node-selection";

/** Where a template's pods may come to. */
export interface Placement {
  nodeName?: string;
  nodeSelector?: Readonly<Record<string, string>>;
  /** Of its required node affinity: one of them must hold. */
  terms?: readonly NodeTerm[];
  tolerations?: readonly Toleration[];
  /** Its pods are a DaemonSet's, which stand more. */
  daemons?: boolean;
}

interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

/** What is remembered of a node. */
export interface NodeFacts {
  name: string;
  labels: Readonly<Record<string, string>>;
  taints: readonly { key: string; value?: string; effect: string }[];
  unschedulable: boolean;
}

/**
 * The nodes that pods of a template may be bound to, by name, selector, required affinity and taints.
 * Behaviour: k8s.io/component-helpers/scheduling/corev1.
 */
export function eligibleNodes(placement: Placement, nodes: readonly NodeFacts[]): string[] {
  return nodes.filter((node) => fits(placement, node)).map(({ name }) => name);
}

function fits(placement: Placement, node: NodeFacts): boolean {
  const { nodeName, nodeSelector = {}, terms, daemons } = placement;
  // A pod that names its node does not pass the scheduler.
  if (nodeName !== undefined) return nodeName === node.name;
  const tolerations = [...(placement.tolerations ?? []), ...(daemons ? daemonTolerations : [])];
  // The node controller's taint comes a moment after the node is cordoned.
  if (node.unschedulable && !isTolerated(unschedulableTaint, tolerations)) return false;
  if (!Object.entries(nodeSelector).every(([key, value]) => node.labels[key] === value)) return false;
  if (terms !== undefined && !matchesNodeTerms(terms, node)) return false;
  return node.taints
    .filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute")
    .every((taint) => isTolerated(taint, tolerations));
}
