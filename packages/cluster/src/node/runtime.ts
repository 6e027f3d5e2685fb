/**
 * What a node agent needs of something that runs containers: the simulated runtime, docker and containerd implement
 * it. The agent decides what is to run and makes what belongs to the pod (volumes, environment, its own files); the
 * runtime only does what it is told.
 */
import type { Duplex } from "node:stream";
import type { ExecSession, ExecSessionOptions } from "@podwright/streaming";
import type { Container, Pod } from "../kinds.ts";

export interface ContainerRuntime {
  /** Before container ids and in nodeInfo.containerRuntimeVersion: "simulated", "docker", "containerd". */
  readonly name: string;
  readonly version: string;
  /**
   * False: containers are only pretended. Probes and hooks that are no commands succeed, and there are no volumes,
   * files and networks to make.
   */
  readonly runsPrograms: boolean;

  /** The image when it is on the machine. */
  findImage(reference: string): Promise<Image | undefined>;
  /** Brings the image to the machine. Throws an {@link ImagePullError} when it cannot. */
  pullImage(reference: string, options: PullOptions): Promise<Image>;
  /** What is on the machine, for the node's status. */
  listImages(): Promise<{ names: string[]; sizeBytes: number }[]>;

  /** Makes what a pod's containers share: its network with its address, host name, IPC. */
  startSandbox(pod: Pod, config: SandboxConfig): Promise<Sandbox>;
  /** Undoes it. The containers have ended; they stay for their logs. Fine when there is none. */
  stopSandbox(pod: PodIdentity): Promise<void>;
  /** Removes everything of the pod: sandbox, containers whether they run or not, logs. Fine when there is nothing. */
  removePod(pod: PodIdentity): Promise<void>;

  /** Makes a container and starts it. Its end is told to {@link RuntimeEvents.exited}. Throws {@link ContainerStartError}. */
  startContainer(pod: Pod, container: Container, config: ContainerConfig): Promise<RunningContainer>;
  /**
   * Ends a container: politely, then by force after the grace. Resolves when it has ended and that was told. May be
   * called again meanwhile, with a shorter grace.
   */
  stopContainer(id: string, graceMs: number): Promise<void>;
  /** Forgets a container that has ended, with its log. */
  removeContainer(id: string): Promise<void>;
  /** Sets other limits on a running container. */
  updateResources(id: string, container: Container): Promise<void>;

  /**
   * The containers of the pod that an agent before this one started and that still are, with those that ended
   * meanwhile. Their ends are told from now on.
   */
  recover(pod: Pod): Promise<RecoveredPod | undefined>;
  /** Every pod that this runtime still holds something of, for the clean-up of those the API no longer knows. */
  listPods(): Promise<PodIdentity[]>;

  /** What one run of a container of the pod has written, oldest first. Never held in memory as a whole. */
  log(pod: Pod, container: Container, run: LoggedRun, options: LogOptions): AsyncIterable<LogLine>;

  /** Runs a command in a container, with streams. */
  exec(id: string, command: readonly string[], options: ExecSessionOptions): Promise<ExecSession>;
  /** Runs a command to its end; what it writes is kept up to 10 KiB. A command still running at the limit is ended. */
  execSync(id: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  /** The streams of a container's main process. */
  attach(id: string, options: ExecSessionOptions): Promise<ExecSession>;
  /** A TCP connection to a port in the pod's network (on its loopback address too). Throws when nobody listens. */
  dial(pod: Pod, port: number): Promise<Duplex>;

  /** Ends watching. Containers of docker and containerd live on; simulated ones end without telling. */
  close(): Promise<void>;
}

export interface RuntimeEvents {
  exited(id: string, exit: ContainerExit): void;
  /** The daemon went away (with what is wrong, for the node's Ready condition) or is back (undefined). */
  health?(problem: string | undefined): void;
  /** The pod's sandbox ended behind the agent's back. */
  sandboxLost?(podUid: string): void;
  /** {@link ContainerRuntime.listImages} has something else to say, or may have. */
  imagesChanged?(): void;
}

export interface PodIdentity {
  uid: string;
  namespace: string;
  name: string;
}

export interface Image {
  /** As containerStatuses[].imageID shows it: "docker.io/library/nginx@sha256:…", or "sha256:…" where it has no digest. */
  id: string;
  sizeBytes: number;
  /** "1000" or "name" or "": the user the image runs as, for runAsNonRoot. */
  user?: string;
}

export interface PullOptions {
  /** Tried in this order, then none. */
  credentials: readonly RegistryCredentials[];
  signal: AbortSignal;
}

export interface RegistryCredentials {
  username: string;
  password: string;
  /** The registry's host as the Secret names it. */
  server: string;
}

export class ImagePullError extends Error {
  override name = "ImagePullError";
}

/** A container could not be made or started; the reason is the waiting or terminated reason as upstream words it. */
export class ContainerStartError extends Error {
  override name = "ContainerStartError";
  readonly reason: "CreateContainerError" | "RunContainerError" | "StartError" | "CreateContainerConfigError";
  /** Of the container that was made but could not be started. */
  readonly containerId: string | undefined;
  constructor(reason: ContainerStartError["reason"], message: string, containerId?: string) {
    super(message);
    this.reason = reason;
    this.containerId = containerId;
  }
}

export interface SandboxConfig {
  hostname: string;
  /** For /etc/resolv.conf; undefined: the host's (dnsPolicy Default, hostNetwork). */
  dns: { servers: string[]; searches: string[]; options: string[] } | undefined;
  sysctls: Readonly<Record<string, string>>;
  /** A folder of the agent's for this pod's files: etc-hosts, resolv.conf, logs. "" for the simulated runtime. */
  directory: string;
}

export interface Sandbox {
  /** The pod's address; undefined where the pod uses the node's network. */
  ip: string | undefined;
}

export interface ContainerConfig {
  /** 0 at the first start. */
  attempt: number;
  image: Image;
  /** Whole and in order, references resolved. */
  env: readonly { name: string; value: string }[];
  /** With $(VAR) expanded; undefined: the image's. */
  command: readonly string[] | undefined;
  args: readonly string[] | undefined;
  /** The volumes' and the agent's own files (/etc/hosts, termination log). In the order of the container's mounts. */
  mounts: readonly Mount[];
  /** Groups of the pod's volumes, beside those of the security context. */
  supplementalGroups: readonly number[];
  /** Of an ephemeral container: the running container whose processes it is to see. */
  targetId?: string;
  /** Where the container's log goes if the runtime writes it as a file: directory/NAME/ATTEMPT.log. */
  logDirectory: string;
}

export interface Mount {
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
  /** With all that is mounted below. */
  recursiveReadOnly?: boolean;
  propagation: "None" | "HostToContainer" | "Bidirectional";
}

export interface RunningContainer {
  /** Without the runtime's name. */
  id: string;
  startedAtMs: number;
}

export interface ContainerExit {
  exitCode: number;
  signal?: number;
  /** "Completed", "Error", "OOMKilled". */
  reason: string;
  message?: string;
  finishedAtMs: number;
}

export interface ExecResult {
  exitCode: number;
  /** Of both streams. */
  output: string;
  timedOut: boolean;
}

export interface LoggedRun {
  /** Without the runtime's name. */
  id: string;
  startedAtMs: number;
  /** When it was stopped before it ended by itself; undefined otherwise. */
  stoppedAtMs: number | undefined;
}

export interface LogOptions {
  /** Goes on with the lines that come, until the container ends. */
  follow: boolean;
  /** Only the last so many lines; undefined: all. */
  tailLines: number | undefined;
  /** Only lines of this time or later. */
  sinceMs: number | undefined;
  stream: "stdout" | "stderr" | undefined;
  signal: AbortSignal;
}

export interface LogLine {
  timeMs: number;
  /** As the runtime wrote it, RFC 3339 with nanoseconds; undefined where only timeMs is known. */
  time?: string;
  stream: "stdout" | "stderr";
  /** With its newline, if it has one. */
  text: string | Uint8Array;
}

export interface RecoveredPod {
  sandbox: Sandbox;
  /** The latest run of each, by container name. `attempt` where the runtime keeps it. */
  containers: Map<string, { id: string; startedAtMs: number; attempt?: number; exit?: ContainerExit }>;
}
