import type { Clock } from "@podwright/client";
import type { Container, Pod } from "../../kinds.ts";
import type {
  ContainerConfig,
  ContainerExit,
  ContainerRuntime,
  ExecResult,
  Image,
  LogLine,
  PodIdentity,
  PullOptions,
  RecoveredPod,
  RunningContainer,
  RuntimeEvents,
  Sandbox,
} from "../runtime.ts";

/** A runtime that does what a test says, and notes what it was asked for. */
export class ScriptedRuntime implements ContainerRuntime {
  readonly name = "scripted";
  readonly version = "1";
  readonly runsPrograms = true;
  /** "start c0", "stop c0 30000", "sandbox p", "stop-sandbox p", "remove-pod p", "remove c0-0", … */
  readonly calls: string[] = [];
  readonly events: RuntimeEvents;
  readonly running = new Map<string, string>();
  present = new Set<string>();
  pull: (reference: string, options: PullOptions) => Promise<Image> = async (reference) => this.image(reference);
  start: (container: Container, config: ContainerConfig) => Promise<void> | void = () => {};
  sandbox: () => Promise<Sandbox> = async () => ({ ip: "10.1.0.5" });
  execSync: (id: string, command: readonly string[], timeoutMs: number) => Promise<ExecResult> = async () => ({
    exitCode: 0,
    output: "",
    timedOut: false,
  });
  /** Containers that do not listen to SIGTERM, by name. */
  readonly stubborn = new Set<string>();
  recovered: RecoveredPod | undefined;
  held: PodIdentity[] = [];
  lines: string[] = [];
  imageUser = "";
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock, events: RuntimeEvents) {
    this.#clock = clock;
    this.events = events;
  }

  image(reference: string): Image {
    return { id: `sha256:${reference}`, sizeBytes: 1000, user: this.imageUser };
  }

  /** A container ends by itself. */
  end(name: string, exitCode: number, exit: Partial<ContainerExit> = {}): void {
    const id = [...this.running].find(([, running]) => running === name)?.[0];
    if (id === undefined) throw new Error(`${name} does not run`);
    this.running.delete(id);
    const reason = exitCode === 0 ? "Completed" : "Error";
    for (const resolve of this.#waiting) resolve();
    this.events.exited(id, { exitCode, reason, finishedAtMs: this.#clock.now(), ...exit });
  }

  async findImage(reference: string): Promise<Image | undefined> {
    return this.present.has(reference) ? this.image(reference) : undefined;
  }

  async pullImage(reference: string, options: PullOptions): Promise<Image> {
    this.calls.push(`pull ${reference}`);
    return this.pull(reference, options);
  }

  async listImages(): Promise<{ names: string[]; sizeBytes: number }[]> {
    return [];
  }

  async startSandbox(pod: Pod): Promise<Sandbox> {
    this.calls.push(`sandbox ${pod.metadata.name}`);
    return this.sandbox();
  }

  async stopSandbox({ name }: PodIdentity): Promise<void> {
    this.calls.push(`stop-sandbox ${name}`);
  }

  async removePod({ name }: PodIdentity): Promise<void> {
    this.calls.push(`remove-pod ${name}`);
  }

  async startContainer(_pod: Pod, container: Container, config: ContainerConfig): Promise<RunningContainer> {
    await this.start(container, config);
    const id = `${container.name}-${config.attempt}`;
    this.calls.push(`start ${id}`);
    this.running.set(id, container.name);
    return { id, startedAtMs: this.#clock.now() };
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    this.calls.push(`stop ${id} ${graceMs}`);
    const name = this.running.get(id);
    if (name === undefined) return;
    if (this.stubborn.has(name)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      this.#clock.after(graceMs, () => {
        if (this.running.has(id)) this.end(name, 137);
      });
      await promise;
    } else this.end(name, 143);
  }

  async removeContainer(id: string): Promise<void> {
    this.calls.push(`remove ${id}`);
  }

  async updateResources(id: string, container: Container): Promise<void> {
    this.calls.push(`update ${id} ${JSON.stringify(container.resources)}`);
  }

  async recover(): Promise<RecoveredPod | undefined> {
    for (const [name, { id, exit }] of this.recovered?.containers ?? []) if (!exit) this.running.set(id, name);
    return this.recovered;
  }

  async listPods(): Promise<PodIdentity[]> {
    return this.held;
  }

  async *log(): AsyncGenerator<LogLine> {
    for (const text of this.lines) yield { timeMs: 0, stream: "stdout", text };
  }

  exec(): Promise<never> {
    return Promise.reject(new Error("nothing is run here"));
  }

  attach(): Promise<never> {
    return Promise.reject(new Error("nothing is run here"));
  }

  dial(): Promise<never> {
    return Promise.reject(new Error("nobody listens"));
  }

  async close(): Promise<void> {}
}
