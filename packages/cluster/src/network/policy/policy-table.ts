import { isDeepStrictEqual } from "node:util";
import { type Informer, type InformerFactory, networkPolicies } from "@podwright/client";
import { namespaceInformer, podInformer } from "../../controllers/informers.ts";
import type { Namespace, Pod } from "../../kinds.ts";
import { isPodTerminal } from "../../pods.ts";
import type { NetworkPolicy, PolicyPod, PolicyState } from "./network-policy.ts";

/** The policies of the cluster with the pods and namespaces that they may speak of. */
export class PolicyTable {
  readonly #policies: Informer<NetworkPolicy>;
  readonly #pods: Informer<Pod>;
  readonly #namespaces: Informer<Namespace>;
  readonly #unsubscribe: (() => void)[];

  /** @param changed called at once when something may have changed; never while there is no policy. */
  constructor(informers: InformerFactory, changed: () => void) {
    this.#policies = informers.for<NetworkPolicy>(networkPolicies);
    this.#pods = podInformer(informers);
    this.#namespaces = namespaceInformer(informers);
    const whenUsed = (): void => {
      if (!this.isEmpty) changed();
    };
    this.#unsubscribe = [
      this.#policies.onChange({ added: changed, updated: changed, deleted: changed }),
      this.#pods.onChange({
        added: whenUsed,
        updated: (pod, old) => {
          if (!isDeepStrictEqual(policyPod(pod), policyPod(old))) whenUsed();
        },
        deleted: whenUsed,
      }),
      this.#namespaces.onChange({
        added: whenUsed,
        updated: (namespace, old) => {
          if (!isDeepStrictEqual(namespace.metadata.labels, old.metadata.labels)) whenUsed();
        },
      }),
    ];
  }

  get isEmpty(): boolean {
    return this.#policies.list().length === 0;
  }

  async synced(): Promise<void> {
    await Promise.all([this.#policies.synced(), this.#pods.synced(), this.#namespaces.synced()]);
  }

  /** @param others pods that the API does not know, as the DNS server of this process. */
  state(others: readonly PolicyPod[]): PolicyState {
    const pods = this.#pods.list().flatMap((pod) => policyPod(pod) ?? []);
    return {
      policies: this.#policies.list(),
      pods: [...pods, ...others],
      namespaceLabels: new Map(
        this.#namespaces.list().map(({ metadata }) => [metadata.name ?? "", metadata.labels ?? {}]),
      ),
    };
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }
}

/** Undefined for pods without an address of their own: those that have none yet, are over, or use the node's. */
function policyPod(pod: Pod): PolicyPod | undefined {
  const ip = pod.status?.podIP;
  if (!ip || pod.spec.hostNetwork || isPodTerminal(pod)) return undefined;
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  return {
    namespace: pod.metadata.namespace ?? "",
    ip,
    labels: pod.metadata.labels ?? {},
    ports: containers
      .flatMap(({ ports = [] }) => ports)
      .flatMap(({ name, containerPort, protocol = "TCP" }) =>
        name === undefined ? [] : [{ name, port: containerPort, protocol }],
      ),
  };
}
