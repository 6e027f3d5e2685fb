import { mkdtemp, readFile, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, configMaps, pods, secrets, silentLogger, systemClock } from "@podwright/client";
import type { Container, Node, Pod, PodSpec } from "../../../kinds.ts";
import { podOf } from "../../../testing/objects.ts";
import { NodeObjects } from "../../objects/node-objects.ts";
import { systemMounts } from "../mounts.ts";
import { PodVolumes, type PodVolumesOptions } from "../pod-volumes.ts";
import { removeFolder } from "../removal.ts";
import type { Volume } from "../volume-sources.ts";

const node: Node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n", labels: { "kubernetes.io/hostname": "n" } },
  status: { allocatable: { cpu: "4", memory: "8Gi" } },
};

/** A node that makes the volumes of pods and runs nothing. */
export interface VolumeNode {
  root: string;
  objects: NodeObjects;
  volumes: PodVolumes;
  /** The uids of pods that it was told to look at again. */
  changed: string[];
  /** What could not be brought up to date. */
  failures: string[];
  /** Another agent on the same folder. */
  agent(more?: Partial<PodVolumesOptions>): PodVolumes;
  /** A pod of the server with the label app=one; its container mounts each of the volumes at /NAME. */
  createPod(volumes: Volume[], spec?: Partial<PodSpec>, container?: Partial<Container>): Promise<Pod>;
  /** Gives the name. */
  createObject(kind: "ConfigMap" | "Secret", content: object): Promise<string>;
  /** Where a file of a pod's volume is. */
  fileOf(pod: Pod, volume: string, ...path: string[]): string;
  text(pod: Pod, volume: string, ...path: string[]): Promise<string>;
  close(): Promise<void>;
}

/** @param prefix of the names of what it creates in the namespace default */
export async function openVolumeNode(client: Client, prefix: string): Promise<VolumeNode> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "podwright-volumes-")));
  const objects = new NodeObjects({ client, clock: systemClock });
  const changed: string[] = [];
  const failures: string[] = [];
  let count = 0;
  const agent = (more: Partial<PodVolumesOptions> = {}): PodVolumes =>
    new PodVolumes({
      root,
      client,
      objects,
      clock: systemClock,
      logger: silentLogger,
      node: () => node,
      changed: (uid) => changed.push(uid),
      refreshFailed: (_pod, message) => failures.push(message),
      random: () => 0,
      ...more,
    });
  const volumes = agent();
  const fileOf = (pod: Pod, volume: string, ...path: string[]): string =>
    join(root, "pods", pod.metadata.uid ?? "", "volumes", volume, ...path);
  return {
    root,
    objects,
    volumes,
    changed,
    failures,
    agent,
    async createPod(wanted, spec = {}, container = {}) {
      const volumeMounts = wanted.map(({ name }) => ({ name, mountPath: `/${name}` }));
      const pod = podOf(`${prefix}-p${count++}`, [{ volumeMounts, ...container }], { volumes: wanted, ...spec });
      pod.metadata.labels = { app: "one" };
      return client.resource<Pod>(pods).create(pod);
    },
    async createObject(kind, content) {
      const name = `${prefix}-o${count++}`;
      const resource = kind === "Secret" ? secrets : configMaps;
      await client
        .resource(resource)
        .create({ apiVersion: "v1", kind, metadata: { name, namespace: "default" }, ...content });
      return name;
    },
    fileOf,
    text: (pod, volume, ...path) => readFile(fileOf(pod, volume, ...path), "utf8"),
    async close() {
      await volumes.stop();
      await objects.stop();
      await removeFolder(root, systemMounts(), undefined);
    },
  };
}
