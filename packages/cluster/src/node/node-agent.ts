import type { Clock, EventRecorder, Logger } from "@podwright/client";
import type { Node, Pod } from "../kinds.ts";
import { NodeAdmission } from "./admission.ts";
import type { LoggingPod } from "./container-logs.ts";
import { PodWorker, type PodWorkerContext } from "./pod-worker.ts";
import type { ContainerExit, ContainerRuntime, RuntimeEvents } from "./runtime.ts";

export interface NodeAgentOptions {
  /** As registered. */
  node: Node;
  /** Reads the node anew. */
  latestNode: () => Promise<Node>;
  runtime: (events: RuntimeEvents) => ContainerRuntime;
  clock: Clock;
  /** Of the component "kubelet" on this node. */
  recorder: EventRecorder;
  logger: Logger;
  /** The pod's status changed, or it is over: there may be something to write. */
  changed(worker: PodWorker): void;
}

/** Runs the pods of one node. What it is told about pods comes from one place, in the server's order. */
export class NodeAgent {
  readonly runtime: ContainerRuntime;
  readonly #workers = new Map<string, PodWorker>();
  readonly #owners = new Map<string, PodWorker>();
  readonly #admission: NodeAdmission;
  readonly #context: PodWorkerContext;
  readonly #changed: (worker: PodWorker) => void;

  constructor(options: NodeAgentOptions) {
    const { node, clock, recorder, logger } = options;
    this.runtime = options.runtime({ exited: (id, exit) => this.#exited(id, exit) });
    this.#admission = new NodeAdmission(node, options.latestNode);
    this.#changed = options.changed;
    const addresses = node.status?.addresses ?? [];
    this.#context = {
      runtime: this.runtime,
      clock,
      recorder,
      hostIp: addresses.find(({ type }) => type === "InternalIP")?.address ?? "",
      refuse: (pod) => this.#admission.refuse(pod),
      changed: (worker) => {
        if (worker.isOver) this.#admission.release(worker.uid);
        this.#changed(worker);
      },
      started: (id, worker) => this.#owners.set(id, worker),
      failed: (worker, error) => {
        const { namespace, name } = worker.pod.metadata;
        const fields = { pod: `${namespace}/${name}`, error: error instanceof Error ? error.message : String(error) };
        logger.warn("running a pod failed, it will be tried again", fields);
      },
    };
  }

  /** A pod of this node is new or has changed. */
  onPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const known = this.#workers.get(uid);
    if (known !== undefined) {
      known.update(pod);
      return;
    }
    const worker = new PodWorker(pod, this.#context);
    this.#workers.set(uid, worker);
    if (pod.status?.startTime && pod.status.phase !== "Succeeded" && pod.status.phase !== "Failed") {
      this.#admission.count(pod);
    }
    worker.start();
  }

  /** The pod is gone from the server. */
  onPodDeleted(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const worker = this.#workers.get(uid);
    this.#workers.delete(uid);
    this.#admission.release(uid);
    worker?.remove();
  }

  /** A pod of this node for those who want its logs. */
  loggingPod(namespace: string, name: string): LoggingPod | undefined {
    for (const worker of this.#workers.values()) {
      const { metadata } = worker.pod;
      if (metadata.name !== name || metadata.namespace !== namespace) continue;
      return {
        pod: worker.pod,
        status: worker.status(),
        log: (container, id, signal) => worker.log(container, id, signal),
      };
    }
    return undefined;
  }

  #exited(id: string, exit: ContainerExit): void {
    const worker = this.#owners.get(id);
    this.#owners.delete(id);
    worker?.exited(id, exit);
  }

  /** Leaves the pods as they are, for the next agent to take up. */
  async stop(): Promise<void> {
    await this.runtime.close();
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
    this.#workers.clear();
    this.#owners.clear();
  }
}
