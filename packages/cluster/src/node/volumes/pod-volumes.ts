/**
 * The volumes and files of the pods of a node (k8s.io/kubernetes/pkg/kubelet/volumemanager). Made before a pod's
 * containers start, kept up to date while they run, taken away with the pod.
 */
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Client, Clock, Logger } from "@podwright/client";
import type { Container, Node, Pod } from "../../kinds.ts";
import type { EnvVar } from "../environment/expansion.ts";
import { hostsFile, podHostname } from "../hosts-file.ts";
import type { NodeObjects } from "../objects/node-objects.ts";
import { podDirectory, podsDirectory } from "../pod-directory.ts";
import type { Mount } from "../runtime.ts";
import { volumeMounts } from "./container-mounts.ts";
import { type Mounts, systemMounts } from "./mounts.ts";
import { PodVolumeSet } from "./pod-volume-set.ts";
import { removeFolder } from "./removal.ts";
import { ServiceAccountTokens } from "./service-account-tokens.ts";

export interface PodVolumesOptions {
  /** The node's own folder; made when it is not there. */
  root: string;
  client: Client;
  objects: NodeObjects;
  clock: Clock;
  logger: Logger;
  /** As it is now: its allocatable amounts and labels. */
  node: () => Node;
  /** Something that the pod's volumes or variables are of has appeared, changed or gone. */
  changed: (podUid: string) => void;
  /** Files of a running pod could not be brought up to date: a message for an event FailedMount, Warning. */
  refreshFailed?: (pod: Pod, message: string) => void;
  /** Removes files that this process may not. Not needed as root. */
  removeForeign?: (path: string) => Promise<void>;
  /** "cluster.local" where nothing is said. */
  clusterDomain?: string;
  mounts?: Mounts | undefined;
  /** In [0, 1). */
  random?: () => number;
}

export interface ContainerMountsOptions {
  env: readonly EnvVar[];
  podIps: readonly string[];
  /** 0 at the first start. */
  attempt: number;
  /** The runtime can make whole trees of mounts read-only. Default false. */
  recursiveReadOnly?: boolean;
}

export class PodVolumes {
  readonly #options: PodVolumesOptions;
  readonly #mounts: Mounts | undefined;
  readonly #tokens: ServiceAccountTokens;
  readonly #sets = new Map<string, PodVolumeSet>();

  constructor(options: PodVolumesOptions) {
    this.#options = options;
    this.#mounts = "mounts" in options ? options.mounts : systemMounts();
    const { client, clock, logger, random = Math.random } = options;
    this.#tokens = new ServiceAccountTokens({ client, clock, logger, random });
  }

  /**
   * Resolves when all volumes that the pod's containers use are there, and its folder. Quick when they are; what an
   * agent before this one made is taken up. Throws {@link VolumeError}.
   */
  async setUp(pod: Pod): Promise<void> {
    const { uid = "" } = pod.metadata;
    let set = this.#sets.get(uid);
    if (set === undefined) {
      const { objects, clock, logger, node, changed, refreshFailed = () => {} } = this.#options;
      const directory = podDirectory(this.#options.root, uid);
      const mounts = this.#mounts;
      const tokens = this.#tokens;
      set = new PodVolumeSet({ pod, directory, objects, tokens, mounts, clock, logger, node, changed, refreshFailed });
      this.#sets.set(uid, set);
    }
    await mkdir(this.#options.root, { recursive: true, mode: 0o700 });
    await set.setUp(pod);
  }

  /** The pod's new form: its labels and annotations may be in files. */
  update(pod: Pod): void {
    this.#sets.get(pod.metadata.uid ?? "")?.update(pod);
  }

  /**
   * The mounts of a container: its volumes in its order, then the pod's hosts file and the container's termination
   * log. Parts of volumes that are not there are made. Throws ContainerConfigError.
   */
  async containerMounts(pod: Pod, container: Container, options: ContainerMountsOptions): Promise<Mount[]> {
    const { env, podIps, attempt, recursiveReadOnly = false } = options;
    const { uid = "" } = pod.metadata;
    const directory = podDirectory(this.#options.root, uid);
    const volumes = this.#sets.get(uid)?.volumes ?? new Map();
    const mounts = await volumeMounts(container, { volumes, directory, env, mounts: this.#mounts, recursiveReadOnly });
    const isMounted = (path: string): boolean => mounts.some(({ containerPath }) => containerPath === path);
    const own = (hostPath: string, containerPath: string): Mount => {
      return { hostPath, containerPath, readOnly: false, propagation: "None" };
    };
    if (!isMounted("/etc/hosts") && (podIps.length > 0 || pod.spec.hostNetwork)) {
      await this.#writeHosts(pod, podIps, directory.hosts);
      mounts.push(own(directory.hosts, "/etc/hosts"));
    }
    const { terminationMessagePath = "/dev/termination-log" } = container;
    if (terminationMessagePath !== "" && !isMounted(terminationMessagePath)) {
      const path = directory.terminationLog(container.name, attempt);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, "", { flag: "a" });
      await chmod(path, 0o666);
      mounts.push(own(path, terminationMessagePath));
    }
    return mounts;
  }

  async #writeHosts(pod: Pod, podIps: readonly string[], path: string): Promise<void> {
    const { hostname, domain } = podHostname(pod, this.#options.clusterDomain ?? "cluster.local");
    const nodeHosts = pod.spec.hostNetwork ? await readFile("/etc/hosts", "utf8") : "";
    await mkdir(dirname(path), { recursive: true });
    // In place: containers that run have it mounted.
    await writeFile(path, hostsFile(pod, { podIps, hostname, domain, nodeHosts }));
    await chmod(path, 0o644);
  }

  /** The groups that the pod's volumes give to its containers. */
  supplementalGroups(pod: Pod): number[] {
    const volumes = this.#sets.get(pod.metadata.uid ?? "")?.volumes.values() ?? [];
    return [...new Set([...volumes].flatMap(({ group }) => (group === undefined ? [] : [group])))];
  }

  /** The text of a file in a volume. Throws when it cannot be read, or its path leads out of the volume. */
  async readVolumeFile(pod: Pod, volume: string, path: string): Promise<string> {
    const set = this.#sets.get(pod.metadata.uid ?? "");
    if (set === undefined) throw new Error(`cannot find the volume ${JSON.stringify(volume)}`);
    return set.readFile(volume, path);
  }

  /** Removes the pod's folder with its volumes; its containers have ended. Throws when that cannot be. */
  async tearDown(uid: string): Promise<void> {
    const set = this.#sets.get(uid);
    this.#sets.delete(uid);
    this.#options.objects.release(uid);
    await set?.stop();
    this.#tokens.forget(uid);
    const { path } = podDirectory(this.#options.root, uid);
    await removeFolder(path, this.#mounts, this.#options.removeForeign);
  }

  /** Takes away the folders of pods that are not among the known. Once, when the node knows its pods. */
  async sweep(known: ReadonlySet<string>): Promise<void> {
    const { root, logger } = this.#options;
    const present = await readdir(podsDirectory(root)).catch(() => []);
    for (const uid of present) {
      if (known.has(uid) || this.#sets.has(uid)) continue;
      await this.tearDown(uid).catch((error: unknown) => {
        logger.warn("the folder of a pod that is gone could not be removed", { pod: uid, error: String(error) });
      });
    }
  }

  /** Brings nothing up to date any more; the files stay. */
  async stop(): Promise<void> {
    const sets = [...this.#sets];
    this.#sets.clear();
    await Promise.all(
      sets.map(async ([uid, set]) => {
        this.#options.objects.release(uid);
        await set.stop();
      }),
    );
  }
}
