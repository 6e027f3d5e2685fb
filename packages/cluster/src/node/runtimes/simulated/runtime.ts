import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Clock, Timer } from "@podwright/client";
import type { ExecSession, ExecSessionOptions } from "@podwright/streaming";
import type { Container, ContainerStatus, Pod } from "../../../kinds.ts";
import { AddressRange } from "../../addresses.ts";
import type {
  ContainerConfig,
  ContainerExit,
  ContainerRuntime,
  ExecResult,
  Image,
  LoggedRun,
  LogLine,
  LogOptions,
  PodIdentity,
  RecoveredPod,
  RunningContainer,
  RuntimeEvents,
  Sandbox,
  SandboxConfig,
} from "../../runtime.ts";
import { type CommandOutcome, type CommandOutput, commandOutcome } from "./command.ts";
import { attachSession, execResult, execSession } from "./exec.ts";
import { simulatedImage } from "./image.ts";
import { knownOutcome } from "./known-outcome.ts";
import { simulatedLog } from "./log.ts";

const sigterm = 15;

export interface SimulatedRuntimeOptions {
  clock: Clock;
  events: RuntimeEvents;
  /** The range of pod addresses. */
  podCidr: string;
  /** From the sandbox to be made to the sandbox there. */
  startDelayMs?: number;
  /** What pulling an image takes. */
  pullMs?: number;
}

interface SimulatedContainer {
  startedAtMs: number;
  env: Readonly<Record<string, string>>;
  timer: Timer | undefined;
  /** What it answers to SIGTERM. */
  endsOnTerm: ContainerExit["exitCode"];
  ended: PromiseWithResolvers<number>;
}

/**
 * Runs nothing: containers start, and end as their command says it (see command.ts). What it knows of a pod can
 * be read back from the pod's status, which is its memory over restarts of the agent.
 */
export class SimulatedRuntime implements ContainerRuntime {
  readonly name = "simulated";
  readonly version = "0.1.0";
  readonly runsPrograms = false;
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #addresses: AddressRange;
  readonly #startDelayMs: number;
  readonly #pullMs: number;
  readonly #images = new Map<string, Image>();
  readonly #containers = new Map<string, SimulatedContainer>();
  readonly #sandboxes = new Map<string, Sandbox>();
  /** What containers of this agent write, by pod and container id, where it is anything. */
  readonly #outputs = new Map<string, Map<string, CommandOutput[]>>();
  readonly #waits = new Set<Timer>();

  constructor(options: SimulatedRuntimeOptions) {
    this.#clock = options.clock;
    this.#events = options.events;
    this.#addresses = new AddressRange(options.podCidr);
    this.#startDelayMs = options.startDelayMs ?? 0;
    this.#pullMs = options.pullMs ?? 0;
  }

  /** Every image is on the machine. */
  async findImage(reference: string): Promise<Image | undefined> {
    return this.#image(reference);
  }

  async pullImage(reference: string): Promise<Image> {
    await this.#pass(this.#pullMs);
    return this.#image(reference);
  }

  async listImages(): Promise<{ names: string[]; sizeBytes: number }[]> {
    return [...this.#images].map(([reference, { id, sizeBytes }]) => ({ names: [id, reference], sizeBytes }));
  }

  #image(reference: string): Image {
    let image = this.#images.get(reference);
    if (image === undefined) {
      image = simulatedImage(reference);
      this.#images.set(reference, image);
    }
    return image;
  }

  async startSandbox(pod: Pod, _config: SandboxConfig): Promise<Sandbox> {
    await this.#pass(this.#startDelayMs);
    const ip = pod.spec.hostNetwork ? undefined : this.#addresses.take();
    if (ip === undefined && !pod.spec.hostNetwork) throw new Error(`no free address in ${this.#addresses.cidr}`);
    const sandbox = { ip };
    this.#sandboxes.set(pod.metadata.uid ?? "", sandbox);
    return sandbox;
  }

  async stopSandbox({ uid }: PodIdentity): Promise<void> {
    const ip = this.#sandboxes.get(uid)?.ip;
    if (ip !== undefined) this.#addresses.release(ip);
    this.#sandboxes.delete(uid);
  }

  async removePod(pod: PodIdentity): Promise<void> {
    await this.stopSandbox(pod);
    this.#outputs.delete(pod.uid);
  }

  async startContainer(pod: Pod, container: Container, config: ContainerConfig): Promise<RunningContainer> {
    const id = randomBytes(32).toString("hex");
    const startedAtMs = this.#clock.now();
    const env = Object.fromEntries(config.env.map(({ name, value }) => [name, value]));
    env["HOSTNAME"] ??= hostName(pod);
    const outcome = commandOutcome([...(config.command ?? []), ...(config.args ?? [])], env);
    if (outcome.output.length > 0) {
      const uid = pod.metadata.uid ?? "";
      const outputs = this.#outputs.get(uid) ?? new Map<string, CommandOutput[]>();
      this.#outputs.set(uid, outputs.set(id, outcome.output));
    }
    this.#run(id, container, startedAtMs, env, outcome);
    return { id, startedAtMs };
  }

  #run(
    id: string,
    container: Container,
    startedAtMs: number,
    env: Readonly<Record<string, string>>,
    outcome: CommandOutcome,
  ): void {
    const endsByItself = Number.isFinite(outcome.durationMs);
    // A server shuts down cleanly when asked to; `sleep` is killed by the signal.
    const simulated: SimulatedContainer = {
      startedAtMs,
      env,
      timer: undefined,
      endsOnTerm: endsByItself || container.command?.[0] === "sleep" ? 128 + sigterm : 0,
      ended: Promise.withResolvers(),
    };
    this.#containers.set(id, simulated);
    if (endsByItself) {
      const leftMs = startedAtMs + outcome.durationMs - this.#clock.now();
      const end = (): void => this.#end(id, outcome.exitCode);
      // What takes no time ends as soon as its start is told, wherever the clock stands.
      if (leftMs > 0) simulated.timer = this.#clock.after(leftMs, end);
      else setImmediate(end);
    }
  }

  async stopContainer(id: string, _graceMs: number): Promise<void> {
    const container = this.#containers.get(id);
    if (container !== undefined) this.#end(id, container.endsOnTerm);
  }

  #end(id: string, exitCode: number): void {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    container.timer?.cancel();
    this.#containers.delete(id);
    const finishedAtMs = this.#clock.now();
    this.#events.exited(id, simulatedExit(exitCode, finishedAtMs));
    container.ended.resolve(finishedAtMs);
  }

  async removeContainer(id: string): Promise<void> {
    for (const outputs of this.#outputs.values()) if (outputs.delete(id)) return;
  }

  async updateResources(): Promise<void> {}

  /** No pods live on without the API: what this runtime knows of them, it has from there. */
  async listPods(): Promise<PodIdentity[]> {
    return [];
  }

  log(pod: Pod, container: Container, run: LoggedRun, options: LogOptions): AsyncIterable<LogLine> {
    const output =
      this.#outputs.get(pod.metadata.uid ?? "")?.get(run.id) ?? knownOutcome(pod, container).outcome.output;
    const stoppedMs = run.stoppedAtMs === undefined ? Number.POSITIVE_INFINITY : run.stoppedAtMs - run.startedAtMs;
    return simulatedLog({
      clock: this.#clock,
      startedAtMs: run.startedAtMs,
      output: output.filter(({ atMs }) => atMs <= stoppedMs),
      ended: this.#containers.get(run.id)?.ended.promise,
      ...options,
    });
  }

  async exec(id: string, command: readonly string[], options: ExecSessionOptions): Promise<ExecSession> {
    return execSession(command, this.#running(id).env, options, this.#clock);
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    return execResult(command, this.#running(id).env, timeoutMs, this.#clock);
  }

  async attach(id: string, options: ExecSessionOptions): Promise<ExecSession> {
    return attachSession(this.#running(id).ended.promise, options);
  }

  async dial(_pod: Pod, port: number): Promise<Duplex> {
    throw new Error(`simulated pods have no network: nobody listens on port ${port}`);
  }

  #running(id: string): SimulatedContainer {
    const container = this.#containers.get(id);
    if (container === undefined) throw new Error(`container ${id} is not running`);
    return container;
  }

  async recover(pod: Pod): Promise<RecoveredPod | undefined> {
    const { podIP, initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    const statuses = [...initContainerStatuses, ...containerStatuses];
    if (!podIP || !statuses.some((status) => status.containerID)) return undefined;
    const sandbox: Sandbox = { ip: pod.spec.hostNetwork ? undefined : podIP };
    if (sandbox.ip !== undefined) this.#addresses.reserve(sandbox.ip);
    this.#sandboxes.set(pod.metadata.uid ?? "", sandbox);
    const containers: RecoveredPod["containers"] = new Map();
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
      const status = statuses.find((candidate) => candidate.name === container.name);
      const recovered = status && this.#recoverContainer(pod, container, status);
      if (recovered !== undefined) containers.set(container.name, recovered);
    }
    return { sandbox, containers };
  }

  #recoverContainer(
    pod: Pod,
    container: Container,
    { state, containerID }: ContainerStatus,
  ): { id: string; startedAtMs: number; exit?: ContainerExit } | undefined {
    const id = containerID?.replace(/^.*:\/\//, "");
    if (id === undefined) return undefined;
    if (state?.running) {
      const startedAtMs = Date.parse(state.running.startedAt ?? "");
      const { env, outcome } = knownOutcome(pod, container);
      this.#run(id, container, startedAtMs, env, outcome);
      return { id, startedAtMs };
    }
    if (state?.terminated === undefined) return undefined;
    const { exitCode, signal, reason = "Error", message, startedAt, finishedAt } = state.terminated;
    return {
      id,
      startedAtMs: Date.parse(startedAt ?? ""),
      exit: {
        exitCode,
        reason,
        finishedAtMs: Date.parse(finishedAt ?? ""),
        ...(signal === undefined ? {} : { signal }),
        ...(message === undefined ? {} : { message }),
      },
    };
  }

  async close(): Promise<void> {
    for (const { timer, ended } of this.#containers.values()) {
      timer?.cancel();
      ended.resolve(this.#clock.now());
    }
    for (const timer of this.#waits) timer.cancel();
    this.#containers.clear();
    this.#waits.clear();
  }

  #pass(delayMs: number): Promise<void> | undefined {
    if (delayMs <= 0) return undefined;
    return new Promise((resolve) => {
      const timer = this.#clock.after(delayMs, () => {
        this.#waits.delete(timer);
        resolve();
      });
      this.#waits.add(timer);
    });
  }
}

function hostName(pod: Pod): string {
  return pod.spec.hostname ?? pod.metadata.name ?? "";
}

function simulatedExit(exitCode: number, finishedAtMs: number): ContainerExit {
  return { exitCode, reason: exitCode === 0 ? "Completed" : "Error", finishedAtMs };
}
