/** What belongs to a pod beside its containers: volumes, environment, files. */
import { type EventRecorder, type ResourceRef, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Container, Node, Pod, Service } from "../kinds.ts";
import { containerEnvironment } from "./environment/container-environment.ts";
import { expandCommand } from "./environment/expansion.ts";
import { podHostname } from "./hosts-file.ts";
import type { NodeObjects } from "./objects/node-objects.ts";
import { podDirectory } from "./pod-directory.ts";
import { podDns } from "./pod-dns.ts";
import type { ContainerConfig, SandboxConfig } from "./runtime.ts";
import type { PodVolumes } from "./volumes/pod-volumes.ts";

export interface PodSetup {
  /** Makes the volumes. Throws a VolumeError. Undefined when there is nothing to wait for. */
  prepare(pod: Pod): Promise<void> | undefined;
  /** Takes the pod's new form. */
  update(pod: Pod): void;
  sandbox(pod: Pod): SandboxConfig;
  /** Throws a ContainerConfigError. */
  container(
    pod: Pod,
    container: Container,
    run: { attempt: number; podIp: string | undefined },
  ): Promise<ContainerSetup>;
  /** Where the container writes what is to be said of its end, on this machine. */
  terminationLog(pod: Pod, container: Container, attempt: number): string | undefined;
  /** The Secrets that spec.imagePullSecrets names; of those missing, the names. */
  pullSecrets(pod: Pod): Promise<{ found: KubeObject[]; missing: string[] }>;
  /** Takes all of it away; containers have ended. */
  release(uid: string): Promise<void>;
}

export type ContainerSetup = Pick<
  ContainerConfig,
  "env" | "command" | "args" | "mounts" | "supplementalGroups" | "logDirectory"
>;

export interface PodSetupOptions {
  objects: NodeObjects;
  /** Of the whole cluster. */
  services(): Iterable<Service>;
  node(): Node;
  /** An object that the pod needs appeared, changed or went. */
  changed(podUid: string): void;
}

export interface FileSetupOptions extends PodSetupOptions {
  volumes: PodVolumes;
  /** The node's own folder. */
  root: string;
  clusterDns: readonly string[];
  clusterDomain: string;
  /** The machine's /etc/resolv.conf. */
  nodeResolvConf: string;
}

/** For runtimes that run programs. */
export function filePodSetup(options: FileSetupOptions): PodSetup {
  const { volumes, objects, root, clusterDns, clusterDomain, nodeResolvConf } = options;
  return {
    prepare: (pod) => volumes.setUp(pod),
    update: (pod) => volumes.update(pod),
    sandbox: (pod) => ({
      hostname: podHostname(pod, clusterDomain).hostname,
      dns: podDns(pod, { clusterDns, clusterDomain, nodeResolvConf }),
      sysctls: Object.fromEntries(
        (pod.spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name.replaceAll("/", "."), value]),
      ),
      directory: podDirectory(root, pod.metadata.uid ?? "").path,
    }),
    async container(pod, container, { attempt, podIp }) {
      const env = await environment(options, pod, container, podIp, (volume, path) =>
        volumes.readVolumeFile(pod, volume, path),
      );
      const podIps = podIp === undefined ? [] : [podIp];
      const mounts = await volumes.containerMounts(pod, container, { env, podIps, attempt });
      const supplementalGroups = volumes.supplementalGroups(pod);
      const logDirectory = podDirectory(root, pod.metadata.uid ?? "").logs;
      return { env, ...expandCommand(container, env), mounts, supplementalGroups, logDirectory };
    },
    terminationLog: (pod, container, attempt) =>
      podDirectory(root, pod.metadata.uid ?? "").terminationLog(container.name, attempt),
    pullSecrets: (pod) => pullSecretsOf(objects, pod),
    async release(uid) {
      await volumes.tearDown(uid);
      objects.release(uid);
    },
  };
}

/** For the simulated runtime: no files, but the environment, so that what is missing is noticed. */
export function filelessPodSetup(options: PodSetupOptions): PodSetup {
  const { objects } = options;
  return {
    prepare(pod) {
      if (needsObjects(pod)) objects.hold(pod, () => options.changed(pod.metadata.uid ?? ""));
      return undefined;
    },
    update: () => {},
    sandbox: (pod) => ({
      hostname: pod.spec.hostname ?? pod.metadata.name ?? "",
      dns: undefined,
      sysctls: {},
      directory: "",
    }),
    async container(pod, container, { podIp }) {
      const env = await environment(options, pod, container, podIp, async () => {
        throw new Error("simulated pods have no files in their volumes");
      });
      return { env, ...expandCommand(container, env), mounts: [], supplementalGroups: [], logDirectory: "" };
    },
    terminationLog: () => undefined,
    pullSecrets: async () => ({ found: [], missing: [] }),
    async release(uid) {
      objects.release(uid);
    },
  };
}

function environment(
  { objects, services, node }: PodSetupOptions,
  pod: Pod,
  container: Container,
  podIp: string | undefined,
  readVolumeFile: (volume: string, path: string) => Promise<string>,
) {
  const hostIps = (node().status?.addresses ?? []).flatMap(({ type, address }) =>
    type === "InternalIP" ? [address] : [],
  );
  return containerEnvironment(pod, container, {
    objects,
    services: services(),
    node: node(),
    podIps: podIp === undefined ? [] : [podIp],
    hostIps,
    readVolumeFile,
  });
}

/** Do its variables come from other objects? */
function needsObjects({ spec }: Pod): boolean {
  return [...(spec.initContainers ?? []), ...spec.containers].some(
    ({ env = [], envFrom = [] }) =>
      envFrom.length > 0 || env.some(({ valueFrom }) => valueFrom?.["configMapKeyRef"] || valueFrom?.["secretKeyRef"]),
  );
}

async function pullSecretsOf(
  objects: Pick<NodeObjects, "get">,
  { spec, metadata }: Pod,
): Promise<{ found: KubeObject[]; missing: string[] }> {
  const found: KubeObject[] = [];
  const missing: string[] = [];
  for (const { name } of spec.imagePullSecrets ?? []) {
    if (!name) continue;
    const secret = await objects
      .get<KubeObject>(secrets as ResourceRef, metadata.namespace, name)
      .catch(() => undefined);
    if (secret === undefined) missing.push(name);
    else found.push(secret);
  }
  return { found, missing };
}

/** The pod's Secrets for pulling images; those that are missing are told by an event. */
export async function pullSecrets(
  pod: Pod,
  { setup, recorder }: { setup: PodSetup; recorder: EventRecorder },
): Promise<KubeObject[]> {
  const { found, missing } = await setup.pullSecrets(pod);
  if (missing.length > 0) {
    const names = `Unable to retrieve some image pull secrets (${missing.join(", ")})`;
    const text = `${names}; attempting to pull the image may not succeed.`;
    recorder.event(pod, "Warning", "FailedToRetrieveImagePullSecret", text);
  }
  return found;
}
