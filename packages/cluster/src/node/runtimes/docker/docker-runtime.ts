import type { Duplex } from "node:stream";
import {
  type DockerClient,
  type EventWatch,
  inspectContainer,
  isNotFound,
  killContainer,
  listContainers,
  removeContainer,
  startContainer,
  stopContainer,
  updateContainer,
  watchEvents,
} from "@podwright/docker";
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
import { containerName, ownedBy, podOf, podUidLabel, type RuntimeOwner, typeLabel } from "../labels.ts";
import { LoopbackRelays } from "../loopback-relays.ts";
import { containerResources, containerSpec } from "./container-spec.ts";
import type { DirectNetwork } from "./direct-network.ts";
import { DockerEnds } from "./docker-ends.ts";
import { dockerAttach, dockerExec, dockerExecSync } from "./exec.ts";
import { findDockerImage, listDockerImages, pullDockerImage } from "./images.ts";
import { dockerLog } from "./logs.ts";
import type { OomScores } from "./oom-scores.ts";
import type { PodNetwork } from "./pod-network.ts";
import { recoverPod } from "./recover.ts";
import { createAnew, type DockerSandbox, makeSandbox, ownFileMounts } from "./sandbox.ts";

export interface DockerRuntimeOptions {
  docker: DockerClient;
  /** The daemon's. */
  version: string;
  owner: RuntimeOwner;
  network: PodNetwork;
  direct: DirectNetwork | undefined;
  oomScores: OomScores;
  recursiveReadOnly: boolean;
  /** Bytes of the machine. */
  memoryCapacity: number;
  events: RuntimeEvents;
}

/** Runs pods with a docker daemon: a pause container holds what a pod's containers share. */
export class DockerRuntime implements ContainerRuntime {
  readonly name = "docker";
  readonly version: string;
  readonly runsPrograms = true;
  readonly #options: DockerRuntimeOptions;
  readonly #docker: DockerClient;
  readonly #owned: readonly string[];
  readonly #ends: DockerEnds;
  readonly #images: EventWatch;
  readonly #relays = new LoopbackRelays();
  /** By the pod's uid. */
  readonly #sandboxes = new Map<string, DockerSandbox>();
  readonly #closing = new AbortController();

  constructor(options: DockerRuntimeOptions) {
    this.#options = options;
    this.version = options.version;
    this.#docker = options.docker;
    this.#owned = ownedBy(options.owner);
    const { docker, events } = options;
    this.#ends = new DockerEnds({ docker, labels: this.#owned, events });
    const imagesChanged = (): void => events.imagesChanged?.();
    const filters = { type: ["image"], event: ["pull", "load", "import", "tag", "untag", "delete"] };
    this.#images = watchEvents({ docker, filters, onEvent: imagesChanged, onConnected: imagesChanged });
    this.#images.connected.catch(() => {});
  }

  findImage(reference: string): Promise<Image | undefined> {
    return findDockerImage(this.#docker, reference);
  }

  pullImage(reference: string, options: PullOptions): Promise<Image> {
    return pullDockerImage(this.#docker, reference, options);
  }

  listImages(): Promise<{ names: string[]; sizeBytes: number }[]> {
    return listDockerImages(this.#docker);
  }

  async startSandbox(pod: Pod, config: SandboxConfig): Promise<Sandbox> {
    await this.#ends.connected;
    const sandbox = await makeSandbox(this.#options, pod, config);
    this.#keepSandbox(pod.metadata.uid ?? "", sandbox);
    return { ip: sandbox.ip };
  }

  #keepSandbox(uid: string, sandbox: DockerSandbox): void {
    this.#sandboxes.set(uid, sandbox);
    this.#ends.trackSandbox(sandbox.id, uid);
  }

  async stopSandbox(pod: PodIdentity): Promise<void> {
    const known = this.#sandboxes.get(pod.uid);
    this.#sandboxes.delete(pod.uid);
    const ids = known ? [known.id] : await this.#containersOf(pod.uid, "sandbox");
    await Promise.all(ids.map((id) => this.#removeSandbox(id)));
    if (known?.direct && known.ip !== undefined) this.#options.direct?.release(known.ip);
  }

  async #removeSandbox(id: string): Promise<void> {
    this.#ends.forgetSandbox(id);
    await removeContainer(this.#docker, id, true);
  }

  async removePod(pod: PodIdentity): Promise<void> {
    const ids = await this.#containersOf(pod.uid, "container");
    for (const id of ids) this.#ends.forget(id);
    await Promise.all(ids.map((id) => removeContainer(this.#docker, id, true)));
    await this.stopSandbox(pod);
  }

  async #containersOf(uid: string, type: "sandbox" | "container"): Promise<string[]> {
    const labels = [...this.#owned, `${podUidLabel}=${uid}`, `${typeLabel}=${type}`];
    return (await listContainers(this.#docker, labels)).map(({ Id }) => Id);
  }

  async startContainer(pod: Pod, container: Container, config: ContainerConfig): Promise<RunningContainer> {
    const sandbox = this.#sandboxes.get(pod.metadata.uid ?? "");
    if (sandbox === undefined) throw new ContainerStartError("CreateContainerError", "the pod has no sandbox");
    const [id] = await Promise.all([
      this.#create(pod, container, config, sandbox),
      this.#connected(pod.metadata.uid ?? "", sandbox),
    ]);
    this.#ends.track(id);
    try {
      await startContainer(this.#docker, id);
    } catch (error) {
      this.#ends.forget(id);
      await removeContainer(this.#docker, id, true).catch(() => {});
      const { message } = error as Error;
      // Its end is yet to be told, as that of the container before this one was.
      if (message.includes("non running container")) {
        this.#lost(pod.metadata.uid ?? "", sandbox.id);
        throw new ContainerStartError("CreateContainerError", message);
      }
      throw new ContainerStartError("RunContainerError", startFailure(message), id);
    }
    // Whoever waits for this learns the id before its end.
    setImmediate(() => this.#ends.release(id));
    return { id, startedAtMs: Date.now() };
  }

  /** A sandbox without its network is as good as lost. */
  async #connected(uid: string, { id, connected }: DockerSandbox): Promise<void> {
    try {
      await connected;
    } catch (error) {
      this.#lost(uid, id);
      throw new ContainerStartError("CreateContainerError", (error as Error).message);
    }
  }

  #lost(uid: string, id: string): void {
    if (this.#sandboxes.get(uid)?.id === id) this.#options.events.sandboxLost?.(uid);
  }

  async #create(pod: Pod, container: Container, config: ContainerConfig, sandbox: DockerSandbox): Promise<string> {
    try {
      const spec = await containerSpec(pod, container, config, {
        ...this.#options,
        sandboxId: sandbox.id,
        ownFiles: ownFileMounts(sandbox.directory),
      });
      return await createAnew(this.#docker, containerName(pod, container.name, config.attempt), spec);
    } catch (error) {
      if (error instanceof ContainerStartError) throw error;
      throw new ContainerStartError("CreateContainerError", `Error response from daemon: ${(error as Error).message}`);
    }
  }

  async stopContainer(id: string, graceMs: number): Promise<void> {
    const ended = this.#ends.ended(id);
    try {
      if (graceMs <= 0) await killContainer(this.#docker, id);
      else await stopContainer(this.#docker, id, Math.ceil(graceMs / 1000), this.#closing.signal);
    } catch (error) {
      // It has ended by itself.
      if (!isNotFound(error) && !/is not running/.test((error as Error).message)) throw error;
    }
    await ended;
  }

  async removeContainer(id: string): Promise<void> {
    this.#ends.forget(id);
    await removeContainer(this.#docker, id, true);
  }

  async updateResources(id: string, container: Container): Promise<void> {
    const limits = containerLimits(
      { apiVersion: "v1", kind: "Pod", metadata: {}, spec: { containers: [container] } },
      container,
      Number.MAX_VALUE,
    );
    const resources = containerResources(limits);
    // 0 would be "as it is".
    await updateContainer(this.#docker, id, { ...(limits.cpuQuota === 0 ? { CpuQuota: -1 } : {}), ...resources });
  }

  async recover(pod: Pod): Promise<RecoveredPod | undefined> {
    await this.#ends.connected;
    const uid = pod.metadata.uid ?? "";
    const labels = [...this.#owned, `${podUidLabel}=${uid}`];
    const found = await recoverPod(this.#docker, await listContainers(this.#docker, labels), this.#ends);
    if (found === undefined) return undefined;
    const { sandbox, recovered } = found;
    if (sandbox === undefined) {
      // The containers' ends are known first.
      setImmediate(() => this.#options.events.sandboxLost?.(uid));
    } else {
      if (sandbox.direct && sandbox.ip !== undefined) this.#options.direct?.reserve(sandbox.ip);
      this.#keepSandbox(uid, sandbox);
    }
    return recovered;
  }

  async listPods(): Promise<PodIdentity[]> {
    const containers = await listContainers(this.#docker, this.#owned);
    const pods = new Map(containers.map(({ Labels }) => [Labels[podUidLabel] ?? "", podOf(Labels)]));
    return [...pods.values()];
  }

  log(_pod: Pod, container: Container, run: LoggedRun, options: LogOptions): AsyncIterable<LogLine> {
    return dockerLog(this.#docker, run.id, container.tty ?? false, options);
  }

  exec(id: string, command: readonly string[], options: ExecSessionOptions): Promise<ExecSession> {
    return dockerExec(this.#docker, this.#ends, id, command, options);
  }

  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    return dockerExecSync(this.#docker, this.#ends, id, command, { timeoutMs, signal: this.#closing.signal });
  }

  async attach(id: string, options: ExecSessionOptions): Promise<ExecSession> {
    // Whether there is a terminal is the container's matter.
    const { Config } = await inspectContainer(this.#docker, id);
    return dockerAttach(this.#docker, id, { ...options, tty: Config.Tty });
  }

  async dial(pod: Pod, port: number): Promise<Duplex> {
    const sandbox = this.#sandboxes.get(pod.metadata.uid ?? "");
    if (sandbox === undefined) throw new Error("the pod has no sandbox");
    return dialPod(this.#relays, sandbox.ip, port, sandbox.pid);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#relays.close();
    await Promise.all([this.#ends.close(), this.#images.close()]);
  }
}

/** The daemon passes on what containerd says; a kubelet on containerd says so first. */
function startFailure(message: string): string {
  return message.startsWith("failed to create shim task") || message.startsWith("OCI runtime create failed")
    ? `failed to create containerd task: ${message}`
    : message;
}
