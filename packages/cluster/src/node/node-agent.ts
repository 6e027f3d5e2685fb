import type { Client, Clock, EventRecorder, Logger } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { Node, Pod } from "../kinds.ts";
import { NodeAdmission } from "./admission.ts";
import type { LoggingPod } from "./container-logs.ts";
import { PullSlots } from "./images/pull-slots.ts";
import { removeOrphans } from "./orphans.ts";
import type { PodSetups } from "./pod-setups.ts";
import type { PodWorker } from "./pod-worker.ts";
import type { PodWorkerContext } from "./pod-worker-context.ts";
import { directConnect } from "./probes/connect.ts";
import type { ContainerExit, ContainerRuntime, RuntimeEvents } from "./runtime.ts";
import type { NodeRuntimes } from "./runtimes/node-runtimes.ts";
import { isMirrorPod, MirrorPods } from "./static/mirror-pods.ts";
import type { StaticPods } from "./static/static-pods.ts";

export interface NodeAgentOptions {
  /** As registered. */
  node: Node;
  /** Reads the node anew. */
  latestNode: () => Promise<Node>;
  runtimes: (events: RuntimeEvents) => NodeRuntimes;
  setups: PodSetups;
  clock: Clock;
  /** Of the component "kubelet" on this node. */
  recorder: EventRecorder;
  logger: Logger;
  /** There may be something to write: its status changed, or it is over. */
  changed(worker: PodWorker): void;
  imagesChanged?(): void;
  /** The node can run pods no more, for this reason; undefined: it can again. */
  health?(problem: string | undefined): void;
}

/** What a pod is run with. */
interface Means extends Pick<PodWorkerContext, "runtime" | "setup"> {
  worker: typeof PodWorker;
}

/** So many images at once. */
const pullsAtOnce = 4;

/** Runs the pods of one node. What it is told about pods comes from one place, in the server's order. */
export class NodeAgent {
  readonly runtimes: NodeRuntimes;
  readonly #setups: PodSetups;
  readonly #workers = new Map<string, PodWorker>();
  /** Pods whose runtime is being made ready, as they are now. */
  readonly #arriving = new Map<string, Pod>();
  /** Of pods whose objects are gone: they have yet to end. */
  readonly #leaving = new Set<PodWorker>();
  readonly #owners = new Map<string, PodWorker>();
  readonly #admission: NodeAdmission;
  readonly #options: NodeAgentOptions;
  readonly #context: Omit<PodWorkerContext, "runtime" | "setup">;
  /** Mirrors that were told before the static pods were read. */
  readonly #mirrors = new Map<string, Pod>();
  /** Loaded for the first pod: it is most of what a node needs. */
  #worker: typeof PodWorker | undefined;
  #static: { mirrors: MirrorPods; files: StaticPods } | undefined;
  #problem: string | undefined;
  #stopped = false;

  constructor(options: NodeAgentOptions) {
    const { node, clock, recorder, logger } = options;
    this.#options = options;
    this.#setups = options.setups;
    this.runtimes = options.runtimes({
      exited: (id, exit) => this.#exited(id, exit),
      health: (problem) => this.#health(problem),
      sandboxLost: (uid) => this.#workers.get(uid)?.sandboxLost(),
      ...(options.imagesChanged && { imagesChanged: options.imagesChanged }),
    });
    this.#admission = new NodeAdmission(node, options.latestNode);
    const addresses = node.status?.addresses ?? [];
    this.#context = {
      clock,
      recorder,
      connect: directConnect,
      pulls: new PullSlots(pullsAtOnce),
      hostIp: addresses.find(({ type }) => type === "InternalIP")?.address ?? "",
      refuse: (pod) => this.#admission.refuse(pod),
      resize: this.#admission,
      changed: (worker) => this.#changed(worker),
      started: (id, worker) => this.#owners.set(id, worker),
      failed: (worker, error) => {
        const { namespace, name } = worker.pod.metadata;
        const fields = { pod: `${namespace}/${name}`, error: messageOf(error) };
        logger.warn("running a pod failed, it will be tried again", fields);
      },
    };
  }

  /** Why the node can run no pods; undefined when it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  #changed(worker: PodWorker): void {
    if (worker.isOver) {
      this.#admission.release(worker.uid);
      if (this.#leaving.delete(worker)) return;
    }
    if (!this.#leaving.has(worker)) this.#options.changed(worker);
  }

  #health(detail: string | undefined): void {
    const problem = detail === undefined ? undefined : `container runtime is down: ${detail}`;
    if (this.#problem === problem) return;
    this.#problem = problem;
    const { node, recorder } = this.#options;
    const state = problem === undefined ? "NodeReady" : "NodeNotReady";
    recorder.event(node, "Normal", state, `Node ${node.metadata.name} status is now: ${state}`);
    this.#options.health?.(problem);
    if (problem === undefined) for (const worker of this.#workers.values()) worker.retry();
  }

  /** An object that the pod needs appeared, changed or went. */
  objectsChanged(podUid: string): void {
    this.#workers.get(podUid)?.retry();
  }

  /** A pod of this node is new or has changed. */
  onPod(pod: Pod): void {
    if (isMirrorPod(pod)) {
      if (this.#static === undefined) this.#mirrors.set(pod.metadata.uid ?? "", pod);
      else this.#static.mirrors.onMirror(pod);
      return;
    }
    this.#onPod(pod);
  }

  #onPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const known = this.#workers.get(uid);
    if (known !== undefined) {
      known.update(pod);
      return;
    }
    if (this.#arriving.has(uid)) {
      this.#arriving.set(uid, pod);
      return;
    }
    const means = this.#meansOf(pod);
    if (!(means instanceof Promise)) {
      this.#take(pod, means);
      return;
    }
    this.#arriving.set(uid, pod);
    means.then(
      (ready) => {
        const latest = this.#arriving.get(uid);
        this.#arriving.delete(uid);
        if (latest !== undefined && !this.#stopped) this.#take(latest, ready);
      },
      (error: unknown) => {
        this.#arriving.delete(uid);
        const message = messageOf(error);
        this.#options.recorder.event(pod, "Warning", "FailedCreatePodSandBox", message);
      },
    );
  }

  async #loadWorker(): Promise<void> {
    this.#worker = (await import("./pod-worker.ts")).PodWorker;
  }

  /** What runs the pod and makes its files: at once when all is ready. */
  #meansOf(pod: Pod): Means | Promise<Means> {
    const worker = this.#worker;
    if (worker === undefined) return this.#loadWorker().then(() => this.#meansOf(pod));
    const runtime = this.runtimes.of(pod);
    if (runtime instanceof Promise) return runtime.then((chosen) => this.#withSetup(chosen, worker));
    return this.#withSetup(runtime, worker);
  }

  #withSetup(runtime: ContainerRuntime, worker: typeof PodWorker): Means | Promise<Means> {
    const setup = this.#setups.of(runtime);
    return setup instanceof Promise
      ? setup.then((ready) => ({ runtime, setup: ready, worker }))
      : { runtime, setup, worker };
  }

  #take(pod: Pod, { worker: Worker, ...means }: Means): void {
    const uid = pod.metadata.uid ?? "";
    const worker = new Worker(pod, { ...this.#context, ...means });
    this.#workers.set(uid, worker);
    if (pod.status?.startTime && pod.status.phase !== "Succeeded" && pod.status.phase !== "Failed") {
      this.#admission.count(pod);
    }
    worker.start();
  }

  /** The pod is gone from the server. */
  onPodDeleted(pod: Pod): void {
    if (!isMirrorPod(pod)) {
      this.#onGone(pod);
      return;
    }
    this.#mirrors.delete(pod.metadata.uid ?? "");
    this.#static?.mirrors.onMirrorDeleted(pod);
  }

  #onGone(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const worker = this.#workers.get(uid);
    this.#workers.delete(uid);
    this.#arriving.delete(uid);
    this.#admission.release(uid);
    if (worker === undefined) return;
    this.#leaving.add(worker);
    worker.remove();
  }

  /** Runs the pods of a folder, and shows them on the server. Once all pods that the server knows were told. */
  async runStaticPods(folder: string, client: Client): Promise<void> {
    const { node, clock, logger } = this.#options;
    // Mirrors are told of workers, not of pods that are about to have one.
    await this.#loadWorker();
    const { StaticPods } = await import("./static/static-pods.ts");
    if (this.#stopped) return;
    const mirrors = new MirrorPods({
      client,
      node,
      clock,
      logger,
      changed: ({ metadata }, mirror) => {
        const worker = this.#workers.get(metadata.uid ?? "");
        if (worker !== undefined) worker.mirror = mirror;
      },
    });
    for (const mirror of this.#mirrors.values()) mirrors.onMirror(mirror);
    const name = node.metadata.name ?? "";
    const added = (pod: Pod): void => {
      this.#onPod(pod);
      mirrors.add(pod);
    };
    const removed = (pod: Pod): void => {
      this.#onGone(pod);
      mirrors.remove(pod);
    };
    const files = new StaticPods({ folder, node: name, clock, logger, added, removed });
    this.#static = { mirrors, files };
    await files.start();
    mirrors.start();
  }

  /** Removes what the runtimes and the disk still hold of pods that the server does not know. Once all it knows were told. */
  async cleanUp(): Promise<void> {
    const isKnown = (uid: string): boolean =>
      this.#workers.has(uid) || this.#arriving.has(uid) || [...this.#leaving].some((worker) => worker.uid === uid);
    for (const runtime of this.runtimes.all()) await removeOrphans(runtime, isKnown, this.#options.logger);
    await this.#setups.sweep(new Set([...this.#workers.keys(), ...this.#arriving.keys()]));
  }

  /** The worker of a pod of this node. */
  workerOf(namespace: string, name: string): PodWorker | undefined {
    for (const worker of this.#workers.values()) {
      const { metadata } = worker.pod;
      if (metadata.name === name && metadata.namespace === namespace) return worker;
    }
    return undefined;
  }

  /** A pod of this node for those who want its logs. */
  loggingPod(namespace: string, name: string): LoggingPod | undefined {
    const worker = this.workerOf(namespace, name);
    if (worker === undefined) return undefined;
    return {
      pod: worker.pod,
      status: worker.status(),
      log: (container, id, options) => worker.log(container, id, options),
    };
  }

  #exited(id: string, exit: ContainerExit): void {
    const worker = this.#owners.get(id);
    this.#owners.delete(id);
    worker?.exited(id, exit);
  }

  /** Leaves the pods as they are, for the next agent to take up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#static?.files.stop();
    await this.#static?.mirrors.stop();
    const workers = [...this.#workers.values(), ...this.#leaving];
    const closed = Promise.all(workers.map((worker) => worker.close()));
    await this.runtimes.close();
    await closed;
    await this.#setups.stop();
    this.#workers.clear();
    this.#leaving.clear();
    this.#owners.clear();
  }
}
