/**
 * The containers of one pod: starts each when it is due, watches over it, notes its end
 * (k8s.io/kubernetes/pkg/kubelet/kuberuntime/kuberuntime_container.go).
 */
import type { Container, Pod } from "../kinds.ts";
import { describePod } from "../pods.ts";
import { type ContainerRecord, containerOf, newRecords, runningId, withNewRecords } from "./container-record.ts";
import { rootProblem } from "./container-security.ts";
import { targetOf } from "./container-target.ts";
import { ContainerWatch, type ContainerWatchOptions } from "./container-watch.ts";
import { ContainerConfigError } from "./environment/config-error.ts";
import { runHook } from "./hooks.ts";
import type { PodImages } from "./images/pod-images.ts";
import type { NamedTimers } from "./named-timers.ts";
import { restarts } from "./pod-phase.ts";
import type { PodSetup } from "./pod-setup.ts";
import type { ProbedContainer } from "./probes/run-probe.ts";
import type { ContainerExit } from "./runtime.ts";
import { startTrouble } from "./start-trouble.ts";
import { type StoppedContainer, type Stopping, stopContainers } from "./stopping.ts";
import { terminationMessage } from "./termination-message.ts";

/** How long the end of a container is shown before it says CrashLoopBackOff. */
const endShownMs = 1000;

export interface PodContainersOptions
  extends Pick<ProbedContainer, "runtime" | "clock" | "connect">,
    Omit<ContainerWatchOptions, "unhealthy"> {
  setup: PodSetup;
  images: PodImages;
  timers: NamedTimers;
  pod(): Pod;
  podIp(): string | undefined;
  started(containerId: string): void;
  /** Aborts when containers that are being ended are left to themselves. */
  left: AbortSignal;
}

export class PodContainers {
  records: ContainerRecord[];
  readonly #options: PodContainersOptions;
  readonly #watch: ContainerWatch;
  /** Ends whose messages are being read. */
  readonly #ends = new Set<Promise<void>>();

  constructor(options: PodContainersOptions) {
    this.#options = options;
    this.records = newRecords(options.pod());
    this.#watch = new ContainerWatch({ ...options, unhealthy: this.#unhealthy.bind(this) });
  }

  /** Takes the pod's new form. */
  update(pod: Pod): void {
    this.records = withNewRecords(this.records, pod);
  }

  /** The id of the container's present run; undefined when it does not run. */
  runningId(name: string): string | undefined {
    return runningId(this.records, name);
  }

  /** Starts the container unless it runs, is not to run, or is to wait. */
  async startIfDue(record: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { timers, clock } = this.#options;
    if (record.condition.type === "running" || timers.has(timerOf(record)) || signal.aborted) return;
    if (record.condition.type === "ended") {
      const { exit } = record.condition;
      if (!restarts(this.#options.pod(), record, exit.exitCode)) return;
      const waitMs = record.backOff.remainingMs(exit.finishedAtMs, clock.now());
      if (waitMs > 0) {
        const shownMs = clock.now() - exit.finishedAtMs;
        // The kubelet too shows the end itself before it says that it waits.
        if (record.trouble === undefined && shownMs < endShownMs) this.#wait(record, endShownMs - shownMs);
        else this.#backOff(record, waitMs);
        return;
      }
    }
    try {
      await this.#start(record, signal);
    } catch (error) {
      if (!signal.aborted) this.#failed(record, error);
    }
  }

  #backOff(record: ContainerRecord, waitMs: number): void {
    const where = describePod(this.#options.pod());
    if (record.trouble?.reason !== "CrashLoopBackOff") {
      const message = `Back-off restarting failed container ${record.name} in pod ${where}`;
      this.#options.event("Warning", "BackOff", message, record);
    }
    const message = `back-off ${record.backOff} restarting failed container=${record.name} pod=${where}`;
    record.trouble = { reason: "CrashLoopBackOff", message };
    this.#wait(record, waitMs);
  }

  #wait(record: ContainerRecord, delayMs: number): void {
    this.#options.timers.set(timerOf(record), delayMs, () => this.#options.changed());
  }

  async #start(record: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { runtime, setup, images, clock } = this.#options;
    const pod = this.#options.pod();
    const container = containerOf(pod, record);
    const event = (type: "Normal" | "Warning", reason: string, message: string): void =>
      this.#options.event(type, reason, message, record);
    const image = await images.ensure(container, event, signal);
    const problem = rootProblem(pod, container, image.user ?? "");
    if (problem !== undefined) throw new ContainerConfigError(problem);
    const attempt = record.condition.type === "ended" ? record.restarts + 1 : record.restarts;
    const podIp = this.#options.podIp();
    const config = await setup.container(pod, container, { attempt, podIp });
    const targetId = targetOf(container, this.records);
    signal.throwIfAborted();
    record.imageId = image.id;
    const running = await runtime.startContainer(pod, container, {
      ...config,
      ...(targetId === undefined ? {} : { targetId }),
      attempt,
      image,
    });
    this.#follows(record, attempt, clock.now());
    record.allocated = container.resources ?? {};
    record.resources = record.allocated;
    record.condition = { type: "running", ...running };
    record.hooking = container.lifecycle?.postStart !== undefined;
    if (!record.hooking) record.trouble = undefined;
    this.#options.started(running.id);
    event("Normal", "Created", "Container created");
    event("Normal", "Started", "Container started");
    if (record.hooking && !(await this.#postStart(record, signal))) return;
    this.#watchOver(record);
    this.#options.changed();
  }

  /** A new run comes after the one before; of those, only one is kept. */
  #follows(record: ContainerRecord, attempt: number, nowMs: number): void {
    const { condition, previous } = record;
    if (condition.type !== "ended") return;
    record.previous = condition;
    record.restarts = attempt;
    record.backOff.restarted(nowMs);
    // That it cannot be removed is of no interest: the pod's end removes all.
    if (previous !== undefined && previous.id !== "")
      this.#options.runtime.removeContainer(previous.id).catch(() => {});
  }

  /** False when the container is to end because of it, or does not run any more. */
  async #postStart(record: ContainerRecord, signal: AbortSignal): Promise<boolean> {
    const target = this.#target(record);
    const hook = target?.container.lifecycle?.postStart;
    if (target === undefined || hook === undefined) return true;
    this.#options.tell();
    try {
      await runHook(hook, target, signal);
      record.hooking = false;
      record.trouble = undefined;
      return record.condition.type === "running";
    } catch (error) {
      if (signal.aborted) return false;
      this.#options.event("Warning", "FailedPostStartHook", "PostStartHook failed", record);
      record.trouble = { reason: "PostStartHookError", message: (error as Error).message };
      await this.#kill(record, "FailedPostStartHook", this.#graceMs()).done;
      await this.endsNoted();
      return false;
    }
  }

  #failed(record: ContainerRecord, error: unknown): void {
    const { clock } = this.#options;
    const { reason, message, event, retryMs, run } = startTrouble(error, clock.now());
    record.trouble = { reason, message };
    if (run !== undefined) {
      this.#options.event("Normal", "Created", "Container created", record);
      this.#follows(record, record.condition.type === "ended" ? record.restarts + 1 : record.restarts, clock.now());
      record.condition = { type: "ended", ...run, startedAtMs: 0 };
      record.allocated = containerOf(this.#options.pod(), record).resources ?? {};
      record.resources = record.allocated;
    }
    this.#options.event("Warning", "Failed", event, record);
    this.#wait(record, retryMs);
  }

  /** An object that something waits for has changed: what could not be configured is tried again now. */
  retryConfiguration(): void {
    for (const record of this.records) {
      if (record.trouble?.reason !== "CreateContainerConfigError") continue;
      this.#options.timers.cancel(timerOf(record));
      this.#options.changed();
    }
  }

  /** Takes up a container that an agent before this one started. */
  recovered(record: ContainerRecord): void {
    if (record.condition.type !== "running") return;
    this.#options.started(record.condition.id);
    this.#watchOver(record, record);
  }

  #watchOver(record: ContainerRecord, before?: { started: boolean; ready: boolean }): void {
    const target = this.#target(record);
    if (target !== undefined) this.#watch.begin(record, target, before);
  }

  #unhealthy(record: ContainerRecord, container: Container, kind: "startup" | "liveness"): void {
    const pod = this.#options.pod();
    const who = record.role === "sidecar" ? "Init container" : "Container";
    const restarted = record.role === "main" && restarts(pod, record, 1) ? ", will be restarted" : "";
    const spec = kind === "startup" ? container.startupProbe : container.livenessProbe;
    const seconds = spec?.terminationGracePeriodSeconds;
    const graceMs = seconds === undefined ? this.#graceMs() : seconds * 1000;
    const { done } = this.#kill(record, `${who} ${record.name} failed ${kind} probe${restarted}`, graceMs);
    // When the runtime cannot stop it, the probe goes on failing for all to see.
    done.catch(() => {});
  }

  #graceMs(): number {
    const { metadata, spec } = this.#options.pod();
    return (metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  /** Ends a container that is to be started anew, by its restart policy. */
  restart(record: ContainerRecord, message: string): void {
    this.#kill(record, message, this.#graceMs()).done.catch(() => {});
  }

  #kill(record: ContainerRecord, message: string, graceMs: number): Stopping {
    this.#options.event("Normal", "Killing", message, record);
    return this.#stop([record], graceMs);
  }

  /** Ends all containers that run. Sidecars come last. */
  stopAll(graceMs: number): Stopping {
    const running = this.records.filter(({ condition }) => condition.type === "running");
    for (const record of running) {
      this.#watch.quiet(record);
      this.#options.event("Normal", "Killing", `Stopping container ${record.name}`, record);
    }
    return this.#stop(running, graceMs);
  }

  #stop(records: readonly ContainerRecord[], graceMs: number): Stopping {
    const stopped = records.flatMap((record): StoppedContainer[] => {
      const target = this.#target(record);
      if (target === undefined) return [];
      const hookFailed = (): void => this.#options.event("Warning", "FailedPreStopHook", "PreStopHook failed", record);
      return [{ ...target, isSidecar: record.role === "sidecar", hookFailed }];
    });
    return stopContainers(stopped, graceMs, this.#options.clock, this.#options.left);
  }

  #target(record: ContainerRecord): (ProbedContainer & { startedAtMs: number }) | undefined {
    if (record.condition.type !== "running") return undefined;
    const { runtime, clock, connect } = this.#options;
    const { id, startedAtMs } = record.condition;
    const pod = this.#options.pod();
    const podIp = this.#options.podIp() ?? "127.0.0.1";
    return { runtime, clock, connect, pod, container: containerOf(pod, record), id, startedAtMs, podIp };
  }

  exited(containerId: string, exit: ContainerExit): void {
    const record = this.records.find(({ condition }) => condition.type === "running" && condition.id === containerId);
    if (record?.condition.type !== "running") return;
    this.#watch.end(record);
    const { runtime, setup } = this.#options;
    const { id, startedAtMs } = record.condition;
    const ended = (message: string | undefined): void => {
      record.condition = { type: "ended", id, startedAtMs, exit: message === undefined ? exit : { ...exit, message } };
      record.hooking = false;
      record.started = false;
      record.ready = record.role === "init" && exit.exitCode === 0;
      // Before it is started again.
      this.#options.tell();
      this.#options.changed();
    };
    const pod = this.#options.pod();
    const container = containerOf(pod, record);
    const path = setup.terminationLog(pod, container, record.restarts);
    if (path === undefined && container.terminationMessagePolicy !== "FallbackToLogsOnError") {
      ended(exit.message);
      return;
    }
    const run = { id, startedAtMs, stoppedAtMs: undefined };
    const end = terminationMessage(runtime, pod, container, run, exit, path)
      .then(ended, () => ended(exit.message))
      .finally(() => this.#ends.delete(end));
    this.#ends.add(end);
  }

  /** Resolves when all ends that were told are noted. */
  async endsNoted(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** Stops asking how containers are; they stay as they are. */
  close(): void {
    this.#watch.close();
  }
}

function timerOf(record: ContainerRecord): string {
  return `start ${record.name}`;
}
