/**
 * What a node agent needs of something that runs containers. The simulated runtime implements it; docker and
 * containerd can. The agent decides what is to run, the runtime only does it.
 */
import type { Container, Pod } from "../kinds.ts";

export interface ContainerRuntime {
  /** Before container ids and in nodeInfo.containerRuntimeVersion: "simulated", "docker", "containerd". */
  readonly name: string;
  readonly version: string;

  /** The image when it is on the machine. */
  findImage(reference: string): Promise<Image | undefined>;
  /** Brings the image to the machine. Throws when it cannot. */
  pullImage(reference: string): Promise<Image>;

  /** Makes what a pod's containers share: its network with its address, its volumes. */
  startSandbox(pod: Pod): Promise<Sandbox>;
  /** Undoes it; all containers have ended. Fine when there is none. */
  stopSandbox(pod: Pod): Promise<void>;

  /** Makes a container and starts it. Its end is told to {@link RuntimeEvents.exited}. */
  startContainer(pod: Pod, container: Container, attempt: number): Promise<RunningContainer>;
  /** Ends a container: politely, then by force after the grace. Resolves when it has ended and that was told. */
  stopContainer(id: string, graceMs: number): Promise<void>;

  /**
   * The containers of the pod that an agent before this one started and that still are, with those that ended
   * meanwhile. Their ends are told from now on.
   */
  recover(pod: Pod): Promise<RecoveredPod | undefined>;

  /** What one run of a container of the pod has written. */
  log(pod: Pod, container: Container, run: LoggedRun, signal: AbortSignal): ContainerLog;

  /** Ends everything at once, without telling. */
  close(): Promise<void>;
}

export interface RuntimeEvents {
  exited(id: string, exit: ContainerExit): void;
}

export interface Image {
  /** As containerStatuses[].imageID shows it: "docker.io/library/nginx@sha256:…". */
  id: string;
  sizeBytes: number;
}

export interface Sandbox {
  /** The pod's address; undefined where the pod uses the node's network. */
  ip: string | undefined;
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

export interface LoggedRun {
  /** Without the runtime's name. */
  id: string;
  startedAtMs: number;
  /** When it was stopped before it ended by itself; undefined otherwise. */
  stoppedAtMs: number | undefined;
}

export interface LogLine {
  timeMs: number;
  stream: "stdout" | "stderr";
  /** With its newline, if it has one. */
  text: string;
}

export interface ContainerLog {
  /** The lines up to now. */
  written: LogLine[];
  /** Those after them, as they come; ends with the container. */
  coming(): AsyncIterable<LogLine>;
}

export interface RecoveredPod {
  sandbox: Sandbox;
  /** By container name. */
  containers: Map<string, { id: string; startedAtMs: number; exit?: ContainerExit }>;
}
