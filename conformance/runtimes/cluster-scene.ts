/** What the tests of a whole cluster on a real runtime begin with. */
import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { events, pods, type ResourceClient, silentLogger } from "@podwright/client";
import {
  type Cluster,
  type ClusterOptions,
  type RemovedFromMachine,
  removeFromMachine,
  startCluster,
} from "@podwright/cluster";
import type { Daemon } from "@podwright/containerd/testing/daemon";
import type { KubeObject } from "@podwright/kube";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import type { ImageDescription } from "../machine/images.ts";
import { type PodwrightCommand, runPodwright } from "../machine/podwright.ts";

export const waiting = { timeout: 45_000, interval: 50 };

/** A container runtime's daemon that images of busybox can be put into. */
export interface BusyboxDaemon extends Daemon {
  load(...images: ImageDescription[]): Promise<void>;
}

export type PodObject = KubeObject & {
  status?: {
    phase?: string;
    podIP?: string;
    containerStatuses?: { ready: boolean; restartCount: number; containerID?: string }[];
  };
};

export interface ClusterSceneOptions<D> {
  startDaemon(options: { folder: string }): Promise<D>;
  /** What tells the command where the daemon is. */
  env(daemon: D, folder: string): Record<string, string>;
  /** How clusters are started on it. */
  cluster(daemon: D): ClusterOptions;
}

/** A daemon with busybox:1.36, for all tests of a describe block; and at most one cluster on it, for each test. */
export interface ClusterScene<D> {
  readonly folder: string;
  readonly daemon: D;
  /** Starts a cluster, in memory unless told otherwise, which is stopped after the test. */
  start(more?: ClusterOptions): Promise<Cluster>;
  /** The same with the data directory of those that were kept before it. */
  startKept(): Promise<Cluster>;
  /** Takes what a kept cluster left off the machine. */
  removeKept(): Promise<RemovedFromMachine>;
  /** The command, in the folder. */
  podwright(...args: string[]): PodwrightCommand;
}

export function useClusterScene<D extends BusyboxDaemon>(options: ClusterSceneOptions<D>): ClusterScene<D> {
  let folder: string;
  let daemon: D;
  let env: Record<string, string>;
  let cluster: Cluster | undefined;
  const dataDir = () => join(folder, "kept");
  const start = async (more: ClusterOptions = {}) => {
    cluster = await startCluster({ ...options.cluster(daemon), ...more });
    return cluster;
  };
  const removeKept = () => removeFromMachine({ dataDir: dataDir(), env });

  beforeAll(async () => {
    folder = await shortFolder("pwk-");
    daemon = await options.startDaemon({ folder });
    env = options.env(daemon, folder);
    await daemon.load({ name: "docker.io/library/busybox:1.36" });
  }, 60_000);
  afterEach(async () => {
    await cluster?.stop();
    cluster = undefined;
    await removeKept();
  }, 60_000);
  afterAll(async () => {
    await daemon?.stop();
    if (folder) await removeFolder(folder);
  }, 60_000);

  return {
    get folder() {
      return folder;
    },
    get daemon() {
      return daemon;
    },
    start,
    startKept: () => start({ dataDir: dataDir() }),
    removeKept,
    podwright: (...args) => runPodwright(args, { cwd: folder, env }),
  };
}

export function podsOf({ client }: Cluster): ResourceClient<PodObject> {
  return client.resource<PodObject>(pods);
}

/** A pod of busybox that runs a shell's script. */
export function podOf(name: string, script = "sleep 1000", metadata: object = {}) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", ...metadata },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "c", image: "busybox:1.36", command: ["sh", "-c", script] }],
    },
  };
}

/** Waits for the pod's container to be ready, after so many restarts. */
export function ready(of: Cluster, name: string, restarts = 0): Promise<PodObject> {
  return vi.waitFor(async () => {
    const pod = await podsOf(of).get(name, "default");
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: restarts });
    return pod;
  }, waiting);
}

/**
 * Stops a cluster whose static pod is in its grace period: in a preStop hook, or after the signal, which it does not
 * heed. Gives the warnings and errors of the cluster since then, of which there are to be none.
 */
export async function stoppedInGrace<D>(scene: ClusterScene<D>, lifecycle: object): Promise<string[]> {
  const said: string[] = [];
  const says = (message: string, fields: object = {}) => void said.push(`${message} ${JSON.stringify(fields)}`);
  const staticPodPath = join(scene.folder, `static-${randomBytes(3).toString("hex")}`);
  const path = join(staticPodPath, "ends.json");
  await mkdir(staticPodPath);
  const of = await scene.start({
    node: { staticPodPath },
    logger: { ...silentLogger, warn: says, error: says },
  });
  const pod = podOf("ends", "trap : TERM; while :; do sleep 0.1; done");
  const containers = pod.spec.containers.map((container) => ({ ...container, lifecycle }));
  await writeFile(path, JSON.stringify({ ...pod, spec: { containers, terminationGracePeriodSeconds: 600 } }));
  await vi.waitFor(async () => {
    const [item] = (await podsOf(of).list({ namespace: "default" })).items;
    expect(item?.status?.containerStatuses?.[0]?.ready).toBe(true);
  }, waiting);
  await rm(path);
  await vi.waitFor(async () => {
    const { items } = await of.client.resource<KubeObject & { reason?: string }>(events).list({ namespace: "default" });
    expect(items.map(({ reason }) => reason)).toContain("Killing");
  }, waiting);
  said.length = 0;
  await of.stop();
  return said;
}
