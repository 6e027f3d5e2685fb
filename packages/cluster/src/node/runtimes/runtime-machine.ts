import type { DockerClient } from "@podwright/docker";
import type { ContainerRuntime, RuntimeEvents } from "../runtime.ts";

export const runtimeNames = ["simulated", "docker", "containerd"] as const;

export type RuntimeName = (typeof runtimeNames)[number];

/** What runs containers on this machine, for all nodes of a cluster. */
export interface RuntimeMachine {
  readonly name: RuntimeName;
  readonly version: string;
  /** What a node of it has (cpu, memory, …); undefined: whatever it is said to have. */
  readonly capacity: Readonly<Record<string, string>> | undefined;
  /** The network of all its pods, reached from here; undefined when pods have none. */
  readonly podNetwork: { gateway: string; cidr: string; bridge?: string } | undefined;
  /** The daemon's client, where it is docker. */
  readonly docker?: DockerClient;
  /** Removes files that this process may not, as those that containers made as root. Absent where it may remove all. */
  removeForeign?(path: string): Promise<void>;
  /** The runtime of one node. */
  runtime(node: string, podCidr: string, events: RuntimeEvents): ContainerRuntime;
  /** Lets go of the daemon. Pods live on, but those of a cluster in memory are removed with all they have. */
  close(): Promise<void>;
}
