import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type GrpcConnection, grpcCodes, isGrpcCode } from "@podwright/containerd";
import {
  type ContainerSummary,
  containerStates,
  cri,
  type SandboxSummary,
  sandboxStates,
} from "@podwright/containerd/cri";
import type { ExecSession, ExecSessionOptions } from "@podwright/streaming";
import type { Container, Pod } from "../../../kinds.ts";
import { containerLimits } from "../../container-limits.ts";
import {
  type ContainerConfig,
  type ContainerRuntime,
  ContainerStartError,
  type ExecResult,
  type Image,
  type LoggedRun,
  type LogLine,
  type LogOptions,
  type PodIdentity,
  type PullOptions,
  type RecoveredPod,
  type RunningContainer,
  type RuntimeEvents,
  type Sandbox,
  type SandboxConfig,
} from "../../runtime.ts";
import { dialPod } from "../dial.ts";
import { clusterLabel, nodeLabel, podOf, podUidLabel, type RuntimeOwner } from "../labels.ts";
import { LoopbackRelays } from "../loopback-relays.ts";
import { ContainerdEnds, statusOf } from "./containerd-ends.ts";
import { criAttach, criExec, criExecSync } from "./cri-exec.ts";
import { detailsOf, findCriImage, listCriImages, pullCriImage } from "./cri-images.ts";
import { readCriLog } from "./cri-log.ts";
import { removeLog } from "./log-files.ts";
import { LogRotation } from "./log-rotation.ts";
import { criContainer, criResources, criSandbox, logFolder, logPath } from "./pod-config.ts";
import { type KnownSandbox, recoverContainers, recoverSandbox } from "./recover.ts";

export interface ContainerdRuntimeOptions {
  connection: GrpcConnection;
  /** The daemon's. */
  version: string;
  owner: RuntimeOwner;
  /** Bytes of the machine. */
  memoryCapacity: number;
  events: RuntimeEvents;
}

/** Making a pod's network may take its time. */
const slow = { timeoutMs: 120_000 };

/** Runs pods with containerd, through its Container Runtime Interface. */
export class ContainerdRuntime implements ContainerRuntime {
  readonly name = "containerd";
  readonly version: string;
  readonly runsPrograms = true;
  readonly #options: ContainerdRuntimeOptions;
  readonly #connection: GrpcConnection;
  readonly #ends: ContainerdEnds;
  readonly #rotation: LogRotation;
  readonly #relays = new LoopbackRelays();
  /** By the pod's uid. */
  readonly #sandboxes = new Map<string, KnownSandbox>();
  readonly #closing = new AbortController();

  constructor(options: ContainerdRuntimeOptions) {
    this.#options = options;
    this.version = options.version;
    this.#connection = options.connection;
    const { connection, events } = options;
    this.#rotation = new LogRotation({ reopen: (id) => connection.unary(cri.reopenContainerLog, { id }) });
    this.#ends = new ContainerdEnds(connection, {
      ...events,
      exited: (id, exit) => {
        this.#rotation.forget(id);
        events.exited(id, exit);
      },
    });
  }

  findImage(reference: string): Promise<Image | undefined> {
    return findCriImage(this.#connection, reference);
  }

  pullImage(reference: string, options: PullOptions): Promise<Image> {
    return pullCriImage(this.#connection, reference, options);
  }

  listImages(): Promise<{ names: string[]; sizeBytes: number }[]> {
    return listCriImages(this.#connection);
  }

  async startSandbox(pod: Pod, config: SandboxConfig): Promise<Sandbox> {
    await this.#ends.connected;
    const uid = pod.metadata.uid ?? "";
    await mkdir(logFolder(config), { recursive: true });
    const made = await this.#runSandbox(pod, config);
    const { status } = await this.#connection.unary(cri.podSandboxStatus, { id: made.id });
    const ip = status?.network?.ip || undefined;
    this.#sandboxes.set(uid, { ...made, ip });
    this.#ends.trackSandbox(made.id, uid);
    return { ip };
  }

  /** A pod has a sandbox at a time; that it had others before shows in the number of the attempt. */
  async #runSandbox(pod: Pod, config: SandboxConfig): Promise<Omit<KnownSandbox, "ip">> {
    for (let attempt = 0; ; ) {
      const message = criSandbox(this.#options.owner, pod, config, attempt);
      try {
        const { id } = await this.#connection.unary(cri.runPodSandbox, { config: message as never }, slow);
        return { id, config: message };
      } catch (error) {
        const before = await this.#sandboxesOf(pod.metadata.uid ?? "");
        const next = Math.max(-1, ...before.map(({ metadata }) => metadata?.attempt ?? 0)) + 1;
        if (next <= attempt) throw new Error(detailsOf(error), { cause: error });
        // What an agent before this left behind gives way.
        await Promise.all(before.map(({ id }) => this.#connection.unary(cri.stopPodSandbox, { id }, slow)));
        attempt = next;
      }
    }
  }

  #owned(more: Record<string, string> = {}): { filter: { labels: Record<string, string> } } {
    const { clusterId, node } = this.#options.owner;
    return { filter: { labels: { [clusterLabel]: clusterId, [nodeLabel]: node, ...more } } };
  }

  async #sandboxesOf(uid: string): Promise<SandboxSummary[]> {
    const { items } = await this.#connection.unary(cri.listPodSandbox, this.#owned({ [podUidLabel]: uid }));
    return items as SandboxSummary[];
  }

  async stopSandbox(pod: PodIdentity): Promise<void> {
    this.#sandboxes.delete(pod.uid);
    const sandboxes = await this.#sandboxesOf(pod.uid);
    await Promise.all(sandboxes.map(({ id }) => this.#stopSandbox(id)));
  }

  async #stopSandbox(id: string): Promise<void> {
    this.#ends.forgetSandbox(id);
    await this.#connection.unary(cri.stopPodSandbox, { id }, slow);
  }

  async removePod(pod: PodIdentity): Promise<void> {
    const { containers } = await this.#connection.unary(cri.listContainers, this.#owned({ [podUidLabel]: pod.uid }));
    for (const { id } of containers) {
      this.#ends.forget(id);
      this.#rotation.forget(id);
    }
    this.#sandboxes.delete(pod.uid);
    for (const { id } of await this.#sandboxesOf(pod.uid)) {
      await this.#stopSandbox(id);
      await this.#connection.unary(cri.removePodSandbox, { id }, slow);
    }
  }

  async startContainer(pod: Pod, container: Container, config: ContainerConfig): Promise<RunningContainer> {
    const sandbox = this.#sandboxes.get(pod.metadata.uid ?? "");
    if (sandbox === undefined) throw new ContainerStartError("CreateContainerError", "the pod has no sandbox");
    const id = await this.#create(pod, container, config, sandbox);
    this.#ends.track(id);
    try {
      await this.#connection.unary(cri.startContainer, { id }, slow);
    } catch (error) {
      this.#ends.forget(id);
      await this.#connection.unary(cri.removeContainer, { id }).catch(() => {});
      throw new ContainerStartError("RunContainerError", detailsOf(error), id);
    }
    this.#rotation.watch(id, join(sandbox.config.logDirectory ?? "", logPath(container.name, config.attempt)));
    // Whoever waits for this learns the id before its end.
    setImmediate(() => this.#ends.release(id));
    return { id, startedAtMs: Date.now() };
  }

  async #create(pod: Pod, container: Container, config: ContainerConfig, sandbox: KnownSandbox): Promise<string> {
    const { owner, memoryCapacity } = this.#options;
    try {
      await mkdir(join(sandbox.config.logDirectory ?? "", container.name), { recursive: true });
      const request = {
        sandboxId: sandbox.id,
        config: criContainer(owner, pod, container, config, memoryCapacity) as never,
        sandboxConfig: sandbox.config as never,
      };
      return (await this.#connection.unary(cri.createContainer, request, slow)).id;
    } catch (error) {
      if (error instanceof ContainerStartError) throw error;
      throw new ContainerStartError("CreateContainerError", detailsOf(error));
    }
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    const ended = this.#ends.ended(id);
    const timeout = Math.ceil(Math.max(graceMs, 0) / 1000);
    try {
      const { signal } = this.#closing;
      await this.#connection.unary(cri.stopContainer, { id, timeout }, { timeoutMs: graceMs + 120_000, signal });
    } catch (error) {
      if (!isGrpcCode(error, grpcCodes.notFound)) throw error;
    }
    await ended;
  }

  async removeContainer(id: string): Promise<void> {
    this.#ends.forget(id);
    this.#rotation.forget(id);
    // One that is gone already has no log to be found.
    const { logPath } = await statusOf(this.#connection, id).catch(() => ({ logPath: "" }));
    await this.#connection.unary(cri.removeContainer, { id });
    if (logPath !== "") await removeLog(logPath);
  }

  async updateResources(id: string, container: Container): Promise<void> {
    const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: {}, spec: { containers: [container] } };
    const { oomScoreAdj: _, ...linux } = criResources(containerLimits(pod, container, Number.MAX_VALUE));
    await this.#connection.unary(cri.updateContainerResources, { id, linux: linux as never });
  }

  async recover(pod: Pod): Promise<RecoveredPod | undefined> {
    await this.#ends.connected;
    const uid = pod.metadata.uid ?? "";
    const [sandboxes, { containers }] = await Promise.all([
      this.#sandboxesOf(uid),
      this.#connection.unary(cri.listContainers, this.#owned({ [podUidLabel]: uid })),
    ]);
    if (sandboxes.length === 0) return undefined;
    const found = await recoverContainers(this.#connection, containers as ContainerSummary[], this.#ends);
    for (const { id, logPath, exit } of found.values()) {
      if (exit !== undefined) continue;
      this.#rotation.watch(id, logPath);
      setImmediate(() => this.#ends.release(id));
    }
    const ready = sandboxes.find(({ state }) => state === sandboxStates.ready);
    if (ready === undefined) {
      // The containers' ends are known first.
      setImmediate(() => this.#options.events.sandboxLost?.(uid));
      return { sandbox: { ip: undefined }, containers: found };
    }
    const sandbox = await recoverSandbox(this.#connection, this.#options.owner, pod, ready);
    this.#sandboxes.set(uid, sandbox);
    this.#ends.trackSandbox(sandbox.id, uid);
    return { sandbox: { ip: sandbox.ip }, containers: found };
  }

  async listPods(): Promise<PodIdentity[]> {
    const { items } = await this.#connection.unary(cri.listPodSandbox, this.#owned());
    return [...new Map(items.map(({ labels }) => [labels[podUidLabel] ?? "", podOf(labels)])).values()];
  }

  async *log(_pod: Pod, _container: Container, run: LoggedRun, options: LogOptions): AsyncGenerator<LogLine> {
    if (options.signal.aborted) return;
    const { logPath, state } = await statusOf(this.#connection, run.id).catch((error) => {
      throw new Error(`unable to retrieve container logs for containerd://${run.id}`, { cause: error });
    });
    if (logPath === "") return;
    const ended = state === containerStates.running ? this.#ends.ended(run.id) : Promise.resolve();
    const onRotated = this.#rotation.onRotated.bind(this.#rotation);
    yield* readCriLog({ path: logPath, ended, onRotated }, options);
  }

  exec(id: string, command: readonly string[], options: ExecSessionOptions): Promise<ExecSession> {
    return criExec(this.#connection, id, command, options);
  }

  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    return criExecSync(this.#connection, id, command, timeoutMs);
  }

  attach(id: string, options: ExecSessionOptions): Promise<ExecSession> {
    return criAttach(this.#connection, id, options);
  }

  async dial(pod: Pod, port: number): Promise<Duplex> {
    const sandbox = this.#sandboxes.get(pod.metadata.uid ?? "");
    if (sandbox === undefined) throw new Error("the pod has no sandbox");
    const { info } = await this.#connection.unary(cri.podSandboxStatus, { id: sandbox.id, verbose: true });
    const { pid } = JSON.parse(info["info"] ?? "{}") as { pid?: number };
    return dialPod(this.#relays, sandbox.ip, port, pid);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#rotation.close();
    await this.#relays.close();
    await this.#ends.close();
  }
}
