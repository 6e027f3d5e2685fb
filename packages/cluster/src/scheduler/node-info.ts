import type { ContainerPort, Node, Pod } from "../kinds.ts";
import { isSidecar } from "../pods.ts";
import { type Amounts, add, amountsOf, nonZeroPodRequests, podRequests, subtract } from "../resources.ts";

/** What a pod on a node takes. */
interface Counted {
  generation: number | undefined;
  requests: Amounts;
  weighed: Amounts;
  hostPorts: readonly ContainerPort[];
}

/** A node as the scheduler sees it: what it has, and what the pods on it have taken. */
export class NodeInfo {
  readonly name: string;
  #node: Node | undefined;
  #allocatable: Amounts = {};
  readonly requested: Amounts = {};
  /** As {@link requested}, with defaults for containers that ask for nothing. */
  readonly weighed: Amounts = {};
  /** Not the pods themselves: their objects are replaced all the time. */
  readonly #pods = new Map<string, Counted>();

  constructor(name: string) {
    this.name = name;
  }

  /** Undefined while pods are known to be on it, but not the node itself. */
  get node(): Node | undefined {
    return this.#node;
  }

  set node(node: Node | undefined) {
    this.#node = node;
    this.#allocatable = amountsOf(node?.status?.allocatable);
  }

  get allocatable(): Amounts {
    return this.#allocatable;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  /** Counts a pod (again, in its new form). */
  addPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const known = this.#pods.get(uid);
    if (known !== undefined) {
      const { generation } = pod.metadata;
      if (generation !== undefined && known.generation === generation) return;
      this.removePod(uid);
    }
    const counted: Counted = {
      generation: pod.metadata.generation,
      requests: podRequests(pod.spec),
      weighed: nonZeroPodRequests(pod.spec),
      hostPorts: hostPorts(pod),
    };
    this.#pods.set(uid, counted);
    add(this.requested, counted.requests);
    add(this.weighed, counted.weighed);
  }

  /** True when it was counted. */
  removePod(uid: string): boolean {
    const counted = this.#pods.get(uid);
    if (counted === undefined) return false;
    this.#pods.delete(uid);
    subtract(this.requested, counted.requests);
    subtract(this.weighed, counted.weighed);
    return true;
  }

  /** Is a host port that the pod wants taken? (framework/types.go, HostPortInfo) */
  hasPortConflict(wanted: readonly ContainerPort[]): boolean {
    if (wanted.length === 0) return false;
    for (const { hostPorts: ports } of this.#pods.values()) {
      for (const taken of ports) {
        if (wanted.some((port) => portsConflict(port, taken))) return true;
      }
    }
    return false;
  }
}

/** The ports of a pod that are opened on the node for as long as it runs (scheduler/util/utils.go, GetHostPorts). */
export function hostPorts(pod: Pod): ContainerPort[] {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  return containers.flatMap((container) => (container.ports ?? []).filter((port) => (port.hostPort ?? 0) > 0));
}

/** Would both be the same port of the node? */
export function portsConflict(a: ContainerPort, b: ContainerPort): boolean {
  if (a.hostPort !== b.hostPort || (a.protocol ?? "TCP") !== (b.protocol ?? "TCP")) return false;
  const [ipA, ipB] = [a.hostIP || "0.0.0.0", b.hostIP || "0.0.0.0"];
  return ipA === ipB || ipA === "0.0.0.0" || ipB === "0.0.0.0";
}
