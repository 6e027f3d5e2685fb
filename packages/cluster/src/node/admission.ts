import type { ContainerPort, Node, Pod } from "../kinds.ts";
import { type Amounts, add, amountsOf, podRequests, shortages, subtract } from "../resources.ts";
import { matchesNodeSelection } from "../scheduler/filters.ts";
import { hostPorts, portsConflict } from "../scheduler/node-info.ts";
import { sysctlProblem } from "./allowed-sysctls.ts";

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
  /** Of the node, by the uid of the pod that has them. */
  readonly #ports = new Map<string, ContainerPort[]>();

  /** @param latest reads the node anew: its labels may have changed since it was registered. */
  constructor(node: Node, latest: () => Promise<Node>) {
    this.#node = node;
    this.#latest = latest;
    this.#allocatable = amountsOf(node.status?.allocatable);
  }

  /** Undefined when the node takes the pod; it then counts until {@link release}. */
  async refuse(pod: Pod): Promise<{ reason: string; message: string } | undefined> {
    if (this.#pods.has(pod.metadata.uid ?? "")) return undefined;
    const forbidden = sysctlProblem(pod);
    if (forbidden !== undefined) return forbidden;
    if (!this.#isSelectedBy(pod)) this.#node = await this.#latest();
    if (!this.#isSelectedBy(pod)) {
      return {
        reason: "NodeAffinity",
        message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
      };
    }
    const ports = hostPorts(pod);
    for (const taken of [...this.#ports.values()].flat()) {
      if (!ports.some((port) => portsConflict(port, taken))) continue;
      const why = "node(s) didn't have free ports for the requested pod ports";
      return { reason: "NodePorts", message: `Predicate NodePorts failed: ${why}` };
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

  /** Undefined when there is room for the pod as it now is; it then counts so (allocation_manager.go, canResizePod). */
  resize(pod: Pod): { reason: "Deferred" | "Infeasible"; message: string } | undefined {
    const requests = podRequests(pod.spec);
    for (const resource of ["memory", "cpu"]) {
      const [requested = 0, capacity = 0] = [requests[resource], this.#allocatable[resource]];
      if (requested <= capacity) continue;
      const numbers = `${resource}, requested: ${requested}, capacity: ${capacity}`;
      return { reason: "Infeasible", message: `Node didn't have enough capacity: ${numbers}` };
    }
    const uid = pod.metadata.uid ?? "";
    const before = this.#pods.get(uid) ?? {};
    const others = { ...this.#used };
    subtract(others, before);
    for (const { resource, requested, used, capacity } of shortages(requests, this.#allocatable, others)) {
      const numbers = `requested: ${requested}, used: ${used}, capacity: ${capacity}`;
      return { reason: "Deferred", message: `Node didn't have enough resource: ${resource}, ${numbers}` };
    }
    this.release(uid);
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
    const ports = hostPorts(pod);
    if (ports.length > 0) this.#ports.set(uid, ports);
    add(this.#used, amounts);
  }

  release(uid: string): void {
    const amounts = this.#pods.get(uid);
    if (amounts === undefined) return;
    this.#pods.delete(uid);
    this.#ports.delete(uid);
    subtract(this.#used, amounts);
  }
}
