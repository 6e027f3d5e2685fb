import { isTolerated, matchesNodeTerms, type NodeTerm } from "@podwright/kube/node-selection";

/** Where a template's pods may come to. */
export interface Placement {
  nodeName?: string;
  nodeSelector?: Readonly<Record<string, string>>;
  /** Of its required node affinity: one of them must hold. */
  terms?: readonly NodeTerm[];
  tolerations?: readonly Toleration[];
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

function fits({ nodeName, nodeSelector = {}, terms, tolerations = [] }: Placement, node: NodeFacts): boolean {
  // A pod that names its node does not pass the scheduler.
  if (nodeName !== undefined) return nodeName === node.name;
  if (node.unschedulable) return false;
  if (!Object.entries(nodeSelector).every(([key, value]) => node.labels[key] === value)) return false;
  if (terms !== undefined && !matchesNodeTerms(terms, node)) return false;
  return node.taints
    .filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute")
    .every((taint) => isTolerated(taint, tolerations));
}
