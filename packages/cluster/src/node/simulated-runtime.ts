import { createHash, randomBytes } from "node:crypto";
import type { Clock, Timer } from "@podwright/client";
import type { Container, ContainerStatus, Pod } from "../kinds.ts";
import { AddressRange } from "./addresses.ts";
import { type CommandOutcome, commandOutcome } from "./command.ts";
import { containerEnvironment, expandVariables } from "./container-environment.ts";
import type {
  ContainerExit,
  ContainerLog,
  ContainerRuntime,
  Image,
  LoggedRun,
  RecoveredPod,
  RunningContainer,
  RuntimeEvents,
  Sandbox,
} from "./runtime.ts";
import { simulatedLog } from "./simulated-log.ts";

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
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #addresses: AddressRange;
  readonly #startDelayMs: number;
  readonly #pullMs: number;
  readonly #images = new Map<string, Image>();
  readonly #containers = new Map<string, SimulatedContainer>();
  readonly #sandboxes = new Map<string, Sandbox>();
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

  #image(reference: string): Image {
    let image = this.#images.get(reference);
    if (image === undefined) {
      image = simulatedImage(reference);
      this.#images.set(reference, image);
    }
    return image;
  }

  async startSandbox(pod: Pod): Promise<Sandbox> {
    await this.#pass(this.#startDelayMs);
    const ip = pod.spec.hostNetwork ? undefined : this.#addresses.take();
    if (ip === undefined && !pod.spec.hostNetwork) throw new Error(`no free address in ${this.#addresses.cidr}`);
    const sandbox = { ip };
    this.#sandboxes.set(pod.metadata.uid ?? "", sandbox);
    return sandbox;
  }

  async stopSandbox(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? "";
    const ip = this.#sandboxes.get(uid)?.ip;
    if (ip !== undefined) this.#addresses.release(ip);
    this.#sandboxes.delete(uid);
  }

  async startContainer(pod: Pod, container: Container, _attempt: number): Promise<RunningContainer> {
    const id = randomBytes(32).toString("hex");
    const startedAtMs = this.#clock.now();
    this.#run(id, pod, container, startedAtMs);
    return { id, startedAtMs };
  }

  #run(id: string, pod: Pod, container: Container, startedAtMs: number): void {
    const outcome = outcomeOf(pod, container);
    const endsByItself = Number.isFinite(outcome.durationMs);
    // A server shuts down cleanly when asked to; `sleep` is killed by the signal.
    const simulated: SimulatedContainer = {
      startedAtMs,
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

  log(pod: Pod, container: Container, run: LoggedRun, signal: AbortSignal): ContainerLog {
    const { output } = outcomeOf(pod, container);
    const stoppedMs = run.stoppedAtMs === undefined ? Number.POSITIVE_INFINITY : run.stoppedAtMs - run.startedAtMs;
    return simulatedLog({
      clock: this.#clock,
      startedAtMs: run.startedAtMs,
      output: output.filter(({ atMs }) => atMs <= stoppedMs),
      ended: this.#containers.get(run.id)?.ended.promise,
      signal,
    });
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
      this.#run(id, pod, container, startedAtMs);
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

function outcomeOf(pod: Pod, container: Container): CommandOutcome {
  const env = containerEnvironment(pod, container);
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  return commandOutcome(
    words.map((word) => expandVariables(word, env)),
    env,
  );
}

/** An image that could have that name: the same one for the same name. */
function simulatedImage(reference: string): Image {
  const digest = createHash("sha256").update(reference).digest("hex");
  const repository = reference.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const first = repository.split("/")[0] ?? "";
  const isHost = repository.includes("/") && /[.:]|^localhost$/.test(first);
  const path = isHost ? repository : `docker.io/${repository.includes("/") ? "" : "library/"}${repository}`;
  return {
    id: `${path}@sha256:${digest}`,
    sizeBytes: 1_000_000 + (Number.parseInt(digest.slice(0, 6), 16) % 99_000_000),
  };
}

function simulatedExit(exitCode: number, finishedAtMs: number): ContainerExit {
  return { exitCode, reason: exitCode === 0 ? "Completed" : "Error", finishedAtMs };
}
