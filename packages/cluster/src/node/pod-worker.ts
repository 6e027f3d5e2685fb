/**
 * One pod on its node, from the first look at it to its end: what the kubelet's pod worker does
 * (k8s.io/kubernetes/pkg/kubelet/{pod_workers.go,kuberuntime/kuberuntime_manager.go}).
 */
import type { Condition, Pod, PodStatus } from "../kinds.ts";
import { isPodTerminal } from "../pods.ts";
import { beginAnew, type ContainerRecord, fieldPath, settle } from "./container-record.ts";
import { recoverRecords } from "./container-recovery.ts";
import { PodImages } from "./images/pod-images.ts";
import { runLog } from "./logged-run.ts";
import { NamedTimers } from "./named-timers.ts";
import { PodContainers } from "./pod-containers.ts";
import { PodEnding } from "./pod-ending.ts";
import { isDone } from "./pod-phase.ts";
import { PodResize } from "./pod-resize.ts";
import { PodSandbox } from "./pod-sandbox.ts";
import { pullSecrets } from "./pod-setup.ts";
import { podStatus, rejectedStatus } from "./pod-status.ts";
import type { PodWorkerContext } from "./pod-worker-context.ts";
import type { ContainerExit, ContainerRuntime, LogLine, LogOptions } from "./runtime.ts";
import { startInOrder } from "./start-order.ts";
import { isStaticPod } from "./static/static-pods.ts";
import { SyncLoop } from "./sync-loop.ts";

const deadlineText = "Pod was active on the node longer than the specified deadline";

export class PodWorker {
  readonly uid: string;
  readonly #context: PodWorkerContext;
  readonly #timers: NamedTimers;
  readonly #containers: PodContainers;
  readonly #resize: PodResize;
  #pod: Pod;
  #mirror: Pod | undefined;
  readonly #sandbox: PodSandbox;
  #initialized = false;
  #startedAtMs: number;
  #conditions: readonly Condition[];
  #rejection: { reason: string; message: string } | undefined;
  #failure: { reason: string; message: string } | undefined;
  #taken = false;
  #over = false;
  /** The API knows no such pod any more. */
  #gone = false;
  readonly #loop: SyncLoop;
  readonly #ending: PodEnding;
  readonly #left = new AbortController();

  constructor(pod: Pod, context: PodWorkerContext) {
    this.uid = pod.metadata.uid ?? "";
    this.#pod = pod;
    this.#context = context;
    const { runtime, clock, setup, connect, pulls } = context;
    this.#timers = new NamedTimers(clock);
    this.#loop = new SyncLoop({
      sync: () => this.#sync(),
      isOver: () => this.#over,
      synced: () => context.changed(this),
      failed: (error) => {
        context.failed(this, error);
        this.#tryAgain();
      },
    });
    this.#containers = new PodContainers({
      runtime,
      clock,
      setup,
      connect,
      timers: this.#timers,
      images: new PodImages({ runtime, clock, slots: pulls, pullSecrets: () => pullSecrets(this.#pod, context) }),
      pod: () => this.#pod,
      podIp: () => this.#podIp(),
      event: (type, reason, message, record) =>
        context.recorder.event(this.#pod, type, reason, message, { fieldPath: fieldPath(record) }),
      changed: () => this.#loop.poke(),
      tell: () => context.changed(this),
      started: (id) => context.started(id, this),
      left: this.#left.signal,
    });
    this.#ending = new PodEnding(this.#containers);
    this.#sandbox = new PodSandbox(context);
    this.#resize = new PodResize(this.#containers, runtime, context.resize);
    this.#startedAtMs = pod.status?.startTime ? Date.parse(pod.status.startTime) : clock.now();
    this.#conditions = pod.status?.conditions ?? [];
  }

  get pod(): Pod {
    return this.#pod;
  }

  /** What shows the pod on the server: itself, or of a static pod its mirror, if it has one. */
  get apiPod(): Pod | undefined {
    return isStaticPod(this.#pod) ? this.#mirror : this.#pod;
  }

  /** Of a static pod: what shows it now. */
  set mirror(mirror: Pod | undefined) {
    const before = this.#mirror;
    this.#mirror = mirror;
    if (mirror !== undefined && mirror.metadata.uid !== before?.metadata.uid) this.#context.changed(this);
  }

  /** Everything of the pod has been stopped: when it is being deleted, the object can go. */
  get isOver(): boolean {
    return this.#over;
  }

  #podIp(): string | undefined {
    return this.#pod.spec.hostNetwork ? this.#context.hostIp : this.#sandbox.ip;
  }

  /** What the status is to be; undefined when there is nothing to say (yet, or any more). */
  status(): PodStatus | undefined {
    const { clock, runtime, hostIp } = this.#context;
    const pod = this.#pod;
    if (this.#rejection) return rejectedStatus(pod, this.#rejection.reason, this.#rejection.message, this.#startedAtMs);
    if (!this.#taken) return undefined;
    const status = podStatus({
      pod,
      records: this.#containers.records,
      runtimeName: runtime.name,
      hostIp,
      podIp: this.#podIp(),
      hasSandbox: this.#sandbox.isThere && !this.#over,
      startedAtMs: this.#startedAtMs,
      stopped: this.#over,
      failure: this.#failure,
      resizeConditions: this.#over ? [] : this.#resize.conditions,
      conditions: this.#conditions,
      nowMs: clock.now(),
    });
    this.#conditions = status.conditions ?? [];
    return status;
  }

  /** What a run of a container, by its id, has written. */
  log(name: string, id: string, options: LogOptions): AsyncIterable<LogLine> {
    return runLog(this.#pod, this.#containers.records, this.#context.runtime, { name, id }, options);
  }

  /** The id of the container's present run; undefined when it does not run. */
  runningContainer(name: string): string | undefined {
    return this.#containers.runningId(name);
  }

  get runtime(): ContainerRuntime {
    return this.#context.runtime;
  }

  start(): void {
    this.#loop.poke();
  }

  /** Takes the pod's new form. */
  update(pod: Pod): void {
    const before = this.#pod;
    this.#pod = pod;
    if (this.#over) {
      this.#context.changed(this);
      return;
    }
    this.#containers.update(pod);
    this.#context.setup.update(pod);
    if (pod.metadata.deletionTimestamp !== undefined) this.#ending.hurry(pod, false);
    const changed =
      before.metadata.generation !== pod.metadata.generation ||
      before.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
      before.metadata.deletionGracePeriodSeconds !== pod.metadata.deletionGracePeriodSeconds;
    const gates = (pod.spec.readinessGates ?? []).length > 0;
    if (changed || gates) this.#loop.poke();
  }

  /** The object is gone: stops what still runs, removes what is left, and says no more. */
  remove(): void {
    this.#gone = true;
    this.#ending.hurry(this.#pod, true);
    this.#over = false;
    this.#loop.poke();
  }

  /** Stops watching over the pod; its containers stay as they are. Resolves when nothing of it is under way. */
  async close(): Promise<void> {
    this.#ending.begin();
    this.#left.abort();
    this.#timers.close();
    this.#containers.close();
    await this.#loop.close();
  }

  exited(containerId: string, exit: ContainerExit): void {
    this.#containers.exited(containerId, exit);
  }

  /** Its sandbox ended behind the agent's back. */
  sandboxLost(): void {
    if (!this.#sandbox.isThere || this.#over) return;
    this.#sandbox.lost = true;
    this.#loop.poke();
  }

  /** The runtime is back, or an object that it needs has changed: what could not be done is tried now. */
  retry(): void {
    this.#containers.retryConfiguration();
    if (!this.#timers.has("retry")) return;
    this.#timers.cancel("retry");
    this.#loop.poke();
  }

  #tryAgain(): void {
    this.#timers.retry("retry", () => this.#loop.poke());
  }

  /** One pass: what is to be started is started, what is to end is ended. */
  async #sync(): Promise<void> {
    if (!this.#taken && (await this.#take()) === "over") return;
    if (this.#gone || this.#pod.metadata.deletionTimestamp !== undefined || this.#failure) return this.#terminate();
    if (this.#sandbox.lost) await this.#leaveSandbox();
    if (!this.#sandbox.isThere && !isDone(this.#pod, this.#containers.records)) return this.#startSandbox();
    await this.#resize.sync(this.#pod);
    const start = (record: ContainerRecord) => this.#containers.startIfDue(record, this.#ending.signal);
    this.#initialized = await startInOrder(this.#containers.records, this.#initialized, start);
    if (isDone(this.#pod, this.#containers.records) && !this.#ending.signal.aborted) await this.#terminate();
  }

  /** Decides what the pod is to this agent: to be run, taken up from the agent before, refused, or over already. */
  async #take(): Promise<"taken" | "over"> {
    const pod = this.#pod;
    const { runtime, setup } = this.#context;
    if (this.#gone || isPodTerminal(pod)) {
      await this.#sandbox.stop(pod);
      if (this.#gone || pod.metadata.deletionTimestamp !== undefined) await this.#sandbox.removeAll(pod);
      this.#over = true;
      return "over";
    }
    const recovered = await runtime.recover(pod);
    if (recovered === undefined && pod.metadata.deletionTimestamp === undefined) {
      this.#rejection = await this.#context.refuse(pod);
      if (this.#rejection !== undefined) {
        const { reason, message } = this.#rejection;
        this.#context.recorder.event(pod, "Warning", reason, message);
        this.#over = true;
        return "over";
      }
    }
    if (recovered !== undefined || pod.status?.startTime) {
      this.#sandbox.recover(recovered?.sandbox);
      const { records } = this.#containers;
      recoverRecords(records, pod, recovered);
      this.#initialized = records.some(({ role, condition }) => role === "main" && condition.type !== "waiting");
      await setup.prepare(pod)?.catch((error: unknown) => this.#context.failed(this, error));
      for (const record of records) this.#containers.recovered(record);
    }
    this.#taken = true;
    this.#watchDeadline();
    return "taken";
  }

  #watchDeadline(): void {
    const seconds = this.#pod.spec.activeDeadlineSeconds;
    if (seconds === undefined) return;
    const leftMs = this.#startedAtMs + seconds * 1000 - this.#context.clock.now();
    this.#timers.set("deadline", leftMs, () => {
      this.#failure = { reason: "DeadlineExceeded", message: deadlineText };
      this.#ending.begin();
      this.#context.recorder.event(this.#pod, "Normal", "DeadlineExceeded", deadlineText);
      this.#loop.poke();
    });
  }

  async #startSandbox(): Promise<void> {
    if (this.#timers.has("retry")) return;
    this.#context.changed(this);
    if (await this.#sandbox.start(this.#pod, this.#ending.signal)) {
      this.#timers.forgetRetries("retry");
      this.#loop.poke();
    } else if (!this.#ending.signal.aborted) this.#tryAgain();
  }

  /** What was in it ends; the pod begins anew in another, from its first init container. */
  async #leaveSandbox(): Promise<void> {
    const text = "Pod sandbox changed, it will be killed and re-created.";
    this.#context.recorder.event(this.#pod, "Normal", "SandboxChanged", text);
    await this.#ending.stopContainers(this.#pod, false);
    await this.#sandbox.stop(this.#pod);
    if (isDone(this.#pod, this.#containers.records)) return;
    this.#initialized = false;
    for (const record of this.#containers.records) if (record.role === "init") beginAnew(record);
  }

  /** Stops all containers, sidecars last and in reverse order, and what they shared. */
  async #terminate(): Promise<void> {
    this.#timers.cancelAll();
    await this.#ending.stopContainers(this.#pod, this.#gone);
    this.#containers.close();
    for (const record of this.#containers.records) settle(record);
    await this.#sandbox.stop(this.#pod);
    if (this.#gone || this.#pod.metadata.deletionTimestamp !== undefined) await this.#sandbox.removeAll(this.#pod);
    this.#over = true;
  }
}
