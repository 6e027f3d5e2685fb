/**
 * One pod on its node, from the first look at it to its end: what the kubelet's pod worker does
 * (k8s.io/kubernetes/pkg/kubelet/{pod_workers.go,kuberuntime/kuberuntime_manager.go}).
 */
import type { Clock, EventRecorder, Timer } from "@podwright/client";
import type { Condition, Pod, PodStatus } from "../kinds.ts";
import { describePod, isPodTerminal } from "../pods.ts";
import { type ContainerRecord, containerOf, fieldPath, newRecords, recoverRecord } from "./container-record.ts";
import { ensureImage } from "./images.ts";
import { knownRun, toldRun } from "./logged-run.ts";
import { isDone, lastEnd, restarts } from "./pod-phase.ts";
import { podStatus, rejectedStatus } from "./pod-status.ts";
import type { ContainerExit, ContainerLog, ContainerRuntime, Sandbox } from "./runtime.ts";

export interface PodWorkerContext {
  runtime: ContainerRuntime;
  clock: Clock;
  recorder: EventRecorder;
  hostIp: string;
  /** Why the node does not take the pod, if it does not. Called once, for pods that are new to the node. */
  refuse(pod: Pod): Promise<{ reason: string; message: string } | undefined>;
  /** The status changed, or the pod is at its end: look at {@link PodWorker.status} and {@link PodWorker.isOver}. */
  changed(worker: PodWorker): void;
  /** Which worker to tell of a container's end. */
  started(containerId: string, worker: PodWorker): void;
  failed(worker: PodWorker, error: unknown): void;
}

const deadlineExceeded = {
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
};

export class PodWorker {
  readonly uid: string;
  readonly #context: PodWorkerContext;
  #pod: Pod;
  #records: ContainerRecord[];
  #sandbox: Sandbox | undefined;
  #startedAtMs: number;
  #conditions: readonly Condition[];
  #rejection: { reason: string; message: string } | undefined;
  #failure: { reason: string; message: string } | undefined;
  #taken = false;
  #over = false;
  /** The agent leaves: the pod stays as it is. */
  #closed = false;
  /** The API knows no such pod any more. */
  #gone = false;
  #dirty = false;
  #running: Promise<void> | undefined;
  #timers = new Map<string, Timer>();

  constructor(pod: Pod, context: PodWorkerContext) {
    this.uid = pod.metadata.uid ?? "";
    this.#pod = pod;
    this.#context = context;
    this.#records = newRecords(pod);
    this.#startedAtMs = pod.status?.startTime ? Date.parse(pod.status.startTime) : context.clock.now();
    this.#conditions = pod.status?.conditions ?? [];
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** Everything of the pod has been stopped: when it is being deleted, the object can go. */
  get isOver(): boolean {
    return this.#over;
  }

  /** What the status is to be; undefined when there is nothing to say (yet, or any more). */
  status(): PodStatus | undefined {
    const { clock, runtime, hostIp } = this.#context;
    const pod = this.#pod;
    if (this.#rejection) return rejectedStatus(pod, this.#rejection.reason, this.#rejection.message, this.#startedAtMs);
    if (!this.#taken) return undefined;
    const status = podStatus({
      pod,
      records: this.#records,
      runtimeName: runtime.name,
      hostIp,
      podIp: this.#sandbox?.ip,
      hasSandbox: this.#sandbox !== undefined && !this.#over,
      startedAtMs: this.#startedAtMs,
      stopped: this.#over,
      failure: this.#failure,
      conditions: this.#conditions,
      nowMs: clock.now(),
    });
    this.#conditions = status.conditions ?? [];
    return status;
  }

  /** What a run of a container, by its id, has written. */
  log(name: string, id: string, signal: AbortSignal): ContainerLog {
    const pod = this.#pod;
    const container = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find((each) => each.name === name);
    if (container === undefined) return { written: [], async *coming() {} };
    const record = this.#records.find((each) => each.name === name);
    const run = (record && knownRun(record, id)) ?? toldRun(pod, name, id);
    return this.#context.runtime.log(pod, container, run, signal);
  }

  start(): void {
    this.#poke();
  }

  /** Takes the pod's new form. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    if (this.#over) {
      this.#context.changed(this);
      return;
    }
    const changed =
      before.metadata.generation !== pod.metadata.generation ||
      before.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
      before.metadata.deletionGracePeriodSeconds !== pod.metadata.deletionGracePeriodSeconds;
    const gates = (pod.spec.readinessGates ?? []).length > 0;
    if (changed || gates) this.#poke();
  }

  /** The object is gone: stops what still runs and says no more. */
  remove(): void {
    this.#gone = true;
    this.#poke();
  }

  /** Stops watching over the pod; its containers stay as they are. Resolves when nothing of it is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#dirty = false;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await this.#running;
  }

  exited(containerId: string, exit: ContainerExit): void {
    const record = this.#records.find(({ condition }) => condition.type === "running" && condition.id === containerId);
    if (record?.condition.type !== "running") return;
    const { id, startedAtMs } = record.condition;
    record.condition = { type: "ended", id, startedAtMs, exit };
    record.started = false;
    record.ready = record.role === "init" && exit.exitCode === 0;
    this.#cancel(`ready ${record.name}`);
    this.#poke();
  }

  #poke(): void {
    this.#dirty = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#dirty && !this.#over && !this.#closed) {
      this.#dirty = false;
      try {
        await this.#sync();
      } catch (error) {
        this.#context.failed(this, error);
        this.#after("retry", 1000, () => this.#poke());
      }
      if (!this.#closed) this.#context.changed(this);
    }
  }

  /** One pass: what is to be started is started, what is to end is ended. */
  async #sync(): Promise<void> {
    if (!this.#taken && (await this.#take()) === "over") return;
    if (this.#gone || this.#pod.metadata.deletionTimestamp !== undefined || this.#failure) return this.#terminate();
    if (this.#sandbox === undefined) {
      this.#context.changed(this);
      this.#sandbox = await this.#context.runtime.startSandbox(this.#pod);
      this.#dirty = true;
      return;
    }
    await this.#startContainers();
    if (isDone(this.#pod, this.#records)) await this.#terminate();
  }

  /** Decides what the pod is to this agent: to be run, taken up from the agent before, refused, or over already. */
  async #take(): Promise<"taken" | "over"> {
    const pod = this.#pod;
    if (this.#gone || isPodTerminal(pod)) {
      await this.#context.runtime.stopSandbox(pod);
      this.#over = true;
      return "over";
    }
    const recovered = await this.#context.runtime.recover(pod);
    if (recovered !== undefined) {
      this.#sandbox = recovered.sandbox;
      const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
      for (const record of this.#records) {
        const status = statuses.find((candidate) => candidate.name === record.name);
        if (status === undefined) continue;
        recoverRecord(record, status, recovered.containers.get(record.name));
        if (record.condition.type === "running") this.#context.started(record.condition.id, this);
        if (record.condition.type === "running" && !record.ready) this.#simulateProbes(record);
      }
    } else if (pod.metadata.deletionTimestamp === undefined) {
      this.#rejection = await this.#context.refuse(pod);
      if (this.#rejection !== undefined) {
        const { reason, message } = this.#rejection;
        this.#context.recorder.event(pod, "Warning", reason, message);
        this.#over = true;
        return "over";
      }
    }
    this.#taken = true;
    this.#watchDeadline();
    return "taken";
  }

  #watchDeadline(): void {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    if (seconds === undefined) return;
    const leftMs = this.#startedAtMs + seconds * 1000 - this.#context.clock.now();
    this.#after("deadline", leftMs, () => {
      this.#failure = deadlineExceeded;
      this.#event("Normal", deadlineExceeded.reason, deadlineExceeded.message);
      this.#poke();
    });
  }

  /** Starts init containers in order, then the others; starts anew what ended and is to run. */
  async #startContainers(): Promise<void> {
    const mains = this.#records.filter((record) => record.role === "main");
    const initialized = mains.some((record) => record.condition.type !== "waiting" || record.previous !== undefined);
    for (const record of this.#records) {
      if (record.role === "main") break;
      if (record.role === "sidecar") {
        await this.#startIfDue(record);
        if (!initialized && !record.started) return;
      } else if (!initialized) {
        if (record.condition.type === "ended" && record.condition.exit.exitCode === 0) continue;
        await this.#startIfDue(record);
        return;
      }
    }
    await Promise.all(mains.map((record) => this.#startIfDue(record)));
  }

  async #startIfDue(record: ContainerRecord): Promise<void> {
    if (record.condition.type === "running" || this.#timers.has(`start ${record.name}`)) return;
    const end = lastEnd(record);
    if (end !== undefined) {
      if (!restarts(this.#pod, record, end.exit.exitCode)) return;
      const now = this.#context.clock.now();
      const waitMs = record.backOff.remainingMs(end.exit.finishedAtMs, now);
      if (waitMs > 0) return this.#backOff(record, waitMs);
    }
    await this.#start(record);
  }

  #backOff(record: ContainerRecord, waitMs: number): void {
    if (!record.backingOff) {
      record.backingOff = true;
      const message = `Back-off restarting failed container ${record.name} in pod ${describePod(this.#pod)}`;
      this.#event("Warning", "BackOff", message, record);
    }
    this.#after(`start ${record.name}`, waitMs, () => this.#poke());
  }

  async #start(record: ContainerRecord): Promise<void> {
    const { runtime, clock } = this.#context;
    const pod = this.#pod;
    const container = containerOf(pod, record);
    const image = await ensureImage(runtime, container, (type, reason, message) =>
      this.#event(type, reason, message, record),
    );
    if ("reason" in image) {
      if (record.condition.type === "waiting") record.condition = { type: "waiting", ...image };
      record.backOff.restarted(clock.now());
      this.#after(`start ${record.name}`, record.backOff.remainingMs(clock.now(), clock.now()), () => this.#poke());
      return;
    }
    const attempt = record.condition.type === "ended" ? record.restarts + 1 : record.restarts;
    const running = await runtime.startContainer(pod, container, attempt);
    if (record.condition.type === "ended") {
      record.previous = record.condition;
      record.restarts = attempt;
      record.backOff.restarted(clock.now());
    }
    record.backingOff = false;
    record.imageId = image.id;
    record.condition = { type: "running", ...running };
    this.#context.started(running.id, this);
    this.#event("Normal", "Created", "Container created", record);
    this.#event("Normal", "Started", "Container started", record);
    this.#simulateProbes(record);
    this.#dirty = true;
  }

  /** Probes are taken to succeed at their first try, after their initial delay. */
  #simulateProbes(record: ContainerRecord): void {
    const { startupProbe, readinessProbe } = containerOf(this.#pod, record);
    const startupMs = (startupProbe?.initialDelaySeconds ?? 0) * 1000;
    const readinessMs = (readinessProbe?.initialDelaySeconds ?? 0) * 1000;
    record.started = startupMs === 0;
    record.ready = record.role !== "init" && record.started && readinessMs === 0;
    const waitMs = record.started ? readinessMs : startupMs;
    if (waitMs === 0) return;
    this.#after(`ready ${record.name}`, waitMs, () => {
      record.started = true;
      record.ready = record.role !== "init";
      this.#poke();
    });
  }

  /** Stops all containers, sidecars last and in reverse order, and what they shared. */
  async #terminate(): Promise<void> {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    const { deletionGracePeriodSeconds } = this.#pod.metadata;
    const graceMs =
      (this.#gone ? 0 : (deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 30)) * 1000;
    const stop = async (record: ContainerRecord): Promise<void> => {
      if (record.condition.type !== "running") return;
      this.#event("Normal", "Killing", `Stopping container ${record.name}`, record);
      await this.#context.runtime.stopContainer(record.condition.id, graceMs);
    };
    await Promise.all(this.#records.filter((record) => record.role !== "sidecar").map(stop));
    for (const record of this.#records.filter(({ role }) => role === "sidecar").reverse()) await stop(record);
    for (const record of this.#records) record.backingOff = false;
    await this.#context.runtime.stopSandbox(this.#pod);
    this.#over = true;
  }

  #event(type: "Normal" | "Warning", reason: string, message: string, record?: ContainerRecord): void {
    const options = record === undefined ? {} : { fieldPath: fieldPath(record) };
    this.#context.recorder.event(this.#pod, type, reason, message, options);
  }

  #after(name: string, delayMs: number, fire: () => void): void {
    this.#cancel(name);
    if (this.#closed) return;
    const timer = this.#context.clock.after(Math.max(delayMs, 0), () => {
      this.#timers.delete(name);
      fire();
    });
    this.#timers.set(name, timer);
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }
}
