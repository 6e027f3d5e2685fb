import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { systemMounts } from "./volumes/mounts.ts";
import { removeFolder } from "./volumes/removal.ts";

/** Where a cluster's nodes keep what is of pods; of a cluster in memory, a temporary folder. Nothing is made. */
export function nodeDirectory(dataDir: string | undefined, clusterId: string): string {
  return dataDir === undefined ? join(tmpdir(), `podwright-${clusterId}`) : resolve(dataDir, "node");
}

/** Where the volumes of the local provisioner are: they stay as long as the cluster's objects do. */
export function volumesDirectory(dataDir: string | undefined, clusterId: string): string {
  return resolve(dataDir ?? nodeDirectory(undefined, clusterId), "volumes");
}

/** Removes it with what is mounted in it. Throws, with nothing removed, when something stays mounted. */
export function removeNodeDirectory(path: string, removeForeign?: (path: string) => Promise<void>): Promise<void> {
  return removeFolder(path, systemMounts(), removeForeign);
}
