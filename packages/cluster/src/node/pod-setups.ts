import { readFile, stat } from "node:fs/promises";
import type { Client, Clock, Logger } from "@podwright/client";
import type { Node, Service } from "../kinds.ts";
import type { NodeObjects } from "./objects/node-objects.ts";
import type { PodSetup } from "./pod-setup.ts";
import type { ContainerRuntime } from "./runtime.ts";
import type { PodVolumes } from "./volumes/pod-volumes.ts";

/** How the pods of a node are set up: with files where programs run. */
export interface PodSetups {
  /** At once where nothing has to be made ready first. */
  of(runtime: ContainerRuntime): PodSetup | Promise<PodSetup>;
  /** Removes the folders of pods that are not known. */
  sweep(known: ReadonlySet<string>): Promise<void>;
  stop(): Promise<void>;
}

export interface PodSetupsOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  objects: NodeObjects;
  /** The node's own folder, made when the first program is to run; undefined: none ever will. */
  root: string | undefined;
  node(): Node;
  /** Of the whole cluster. */
  services(): Iterable<Service>;
  /** The addresses of the cluster's DNS servers. Asked for once, when the first program is to run. */
  clusterDns(): Promise<readonly string[]>;
  /** "cluster.local" */
  clusterDomain: string;
  changed(podUid: string): void;
  /** Removes files of pods that this process may not. */
  removeForeign?: (path: string) => Promise<void>;
}

export function createPodSetups(options: PodSetupsOptions): PodSetups {
  const { root } = options;
  let fileless: PodSetup | Promise<PodSetup> | undefined;
  const filelessOf = (): PodSetup | Promise<PodSetup> => {
    fileless ??= import("./pod-setup.ts").then(({ filelessPodSetup }) => {
      fileless = filelessPodSetup(options);
      return fileless;
    });
    return fileless;
  };
  if (root === undefined) return { of: filelessOf, sweep: async () => {}, stop: async () => {} };
  let opening: Promise<PodVolumes> | undefined;
  let files: PodSetup | Promise<PodSetup> | undefined;

  function volumesIn(folder: string): Promise<PodVolumes> {
    opening ??= import("./volumes/pod-volumes.ts").then(
      ({ PodVolumes }): PodVolumes => new PodVolumes({ ...options, root: folder }),
    );
    return opening;
  }

  async function filesIn(folder: string): Promise<PodSetup> {
    const [{ filePodSetup }, volumes, clusterDns, resolvers] = await Promise.all([
      import("./pod-setup.ts"),
      volumesIn(folder),
      options.clusterDns(),
      nodeResolvConf(),
    ]);
    files = filePodSetup({ ...options, volumes, root: folder, clusterDns, nodeResolvConf: resolvers });
    return files;
  }

  return {
    of(runtime) {
      if (!runtime.runsPrograms) return filelessOf();
      files ??= filesIn(root).catch((error: unknown) => {
        files = undefined;
        throw error;
      });
      return files;
    },
    async sweep(known) {
      const isThere = opening !== undefined || (await stat(root).catch(() => undefined)) !== undefined;
      if (isThere) await (await volumesIn(root)).sweep(known);
    },
    async stop() {
      await (await opening)?.stop();
    },
  };
}

/** What the machine resolves names with; not the stub on its loopback address, which pods do not reach. */
async function nodeResolvConf(): Promise<string> {
  const own = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  if (!/^\s*nameserver\s+127\.0\.0\.53\b/m.test(own)) return own;
  return readFile("/run/systemd/resolve/resolv.conf", "utf8").catch(() => own);
}
