import type { Node, Pod } from "../kinds.ts";
import { type Amounts, add, amountsOf, podRequests, shortages, subtract } from "../resources.ts";
import { matchesNodeSelection } from "../scheduler/filters.ts";

/**
 * What the pods of a node have taken, and whether it takes one more: the last word on pods that named the node
 * themselves (k8s.io/kubernetes/pkg/kubelet/lifecycle/predicate.go).
 */
export class NodeAdmission {
  #node: Node;
  readonly #latest: () => Promise<Node>;
  readonly #allocatable: Amounts;
  readonly #used: Amounts = {};
  readonly #pods = new Map<string, Amounts>();

  /** @param latest reads the node anew: its labels may have changed since it was registered. */
  constructor(node: Node, latest: () => Promise<Node>) {
    this.#node = node;
    this.#latest = latest;
    this.#allocatable = amountsOf(node.status?.allocatable);
  }

  /** Undefined when the node takes the pod; it then counts until {@link release}. */
  async refuse(pod: Pod): Promise<{ reason: string; message: string } | undefined> {
    if (this.#pods.has(pod.metadata.uid ?? "")) return undefined;
    if (!this.#isSelectedBy(pod)) this.#node = await this.#latest();
    if (!this.#isSelectedBy(pod)) {
      return {
        reason: "NodeAffinity",
        message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
      };
    }
    const requests = podRequests(pod.spec);
    for (const shortage of shortages({ ...requests, pods: 1 }, this.#allocatable, this.#used)) {
      const { resource, requested, used, capacity } = shortage;
      const numbers = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
      return {
        reason: `OutOf${resource}`,
        message: `Node didn't have enough resource: ${resource}, ${numbers}`,
      };
    }
    this.count(pod, requests);
    return undefined;
  }

  #isSelectedBy(pod: Pod): boolean {
    return matchesNodeSelection(pod, { name: this.#node.metadata.name ?? "", node: this.#node });
  }

  /** Counts a pod that is on the node already. */
  count(pod: Pod, requests: Amounts = podRequests(pod.spec)): void {
    const uid = pod.metadata.uid ?? "";
    if (this.#pods.has(uid)) return;
    const amounts = { ...requests, pods: 1 };
    this.#pods.set(uid, amounts);
    add(this.#used, amounts);
  }

  release(uid: string): void {
    const amounts = this.#pods.get(uid);
    if (amounts === undefined) return;
    this.#pods.delete(uid);
    subtract(this.#used, amounts);
  }
}
