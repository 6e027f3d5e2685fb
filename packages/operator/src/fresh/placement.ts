import { isTolerated, matchesNodeTerms, type NodeTerm } from "@podwright/kube/node-selection";

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

/** What the controller adds to the pods of a DaemonSet (k8s.io/kubernetes/pkg/controller/daemon/util). */
const daemonTolerations: readonly Toleration[] = [
  ...["not-ready", "unreachable"].map((name) => toleration(name, "NoExecute")),
  ...["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"].map((name) =>
    toleration(name, "NoSchedule"),
  ),
];

function toleration(name: string, effect: string): Toleration {
  return { key: `node.kubernetes.io/${name}`, operator: "Exists", effect };
}

/** The node controller's taint of a cordoned node, which comes a moment after it was cordoned. */
const cordoned = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

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
  if (node.unschedulable && !isTolerated(cordoned, tolerations)) return false;
  if (!Object.entries(nodeSelector).every(([key, value]) => node.labels[key] === value)) return false;
  if (terms !== undefined && !matchesNodeTerms(terms, node)) return false;
  return node.taints
    .filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute")
    .every((taint) => isTolerated(taint, tolerations));
}
