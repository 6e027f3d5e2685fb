/** Makes one volume of a pod, whatever it is of. */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { quantityValue } from "@podwright/kube";
import type { PersistentVolume } from "../../controllers/persistent-volumes/kinds.ts";
import { isReachable } from "../../controllers/persistent-volumes/matching.ts";
import { isOfLocalProvisioner } from "../../controllers/persistent-volumes/provisioning.ts";
import type { Node, Pod } from "../../kinds.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { claimedVolume, volumeGroup } from "./claimed-volume.ts";
import { makeEmptyDir, makeFolder } from "./empty-dir.ts";
import { checkHostPath } from "./host-path.ts";
import type { Mounts } from "./mounts.ts";
import { makeNestedMountPoints } from "./nested-mount-points.ts";
import { fsGroupOf, giveToGroup, type Ownership } from "./ownership.ts";
import { type FileSources, hasFiles, volumeContent } from "./volume-files.ts";
import { type Volume, volumeType } from "./volume-sources.ts";

export interface MountedVolume {
  /** On the node. */
  path: string;
  readOnly: boolean;
  /** A group for the containers that use it. */
  group: number | undefined;
  /** When its files are to be made anew though nothing has changed. */
  refreshAtMs: number;
}

export interface VolumeContext {
  pod: Pod;
  node: Node;
  /** Where the volume is to be, if it is not of the node. */
  path: string;
  sources: FileSources;
  /** Undefined where this process may not mount. */
  mounts: Mounts | undefined;
  nowMs: number;
  warn(message: string): void;
}

/** Throws an Error whose message is one for an event of the reason FailedMount. */
export async function mountVolume(volume: Volume, context: VolumeContext): Promise<MountedVolume> {
  let claimed: PersistentVolume | undefined;
  try {
    claimed = await claimedVolume(context.sources.objects, context.pod, volume);
  } catch (error) {
    const lists = `unmounted volumes=[${volume.name}], unattached volumes=[], failed to process volumes=[${volume.name}]`;
    throw new Error(`Unable to attach or mount volumes: ${lists}: ${(error as Error).message}`, { cause: error });
  }
  try {
    if (claimed !== undefined) return await mountClaimed(claimed, volume, context);
    return await mountOwn(volume, context);
  } catch (error) {
    const name = JSON.stringify(claimed?.metadata.name ?? volume.name);
    throw new Error(`MountVolume.SetUp failed for volume ${name} : ${(error as Error).message}`, { cause: error });
  }
}

async function mountOwn(volume: Volume, context: VolumeContext): Promise<MountedVolume> {
  const { pod, node, path, mounts, warn } = context;
  const mounted = { path, readOnly: false, group: undefined, refreshAtMs: Number.POSITIVE_INFINITY };
  if (hasFiles(volume)) return mountFiles(volume, context);
  if (volume.emptyDir !== undefined) {
    await mkdir(dirname(path), { recursive: true });
    await makeEmptyDir(path, volume.emptyDir, {
      pod,
      allocatableMemory: quantityValue(node.status?.allocatable?.["memory"] ?? "0"),
      mounts,
      ownership: ownershipOf(pod, { readOnly: false }),
      notInMemory: (why) => warn(`volume ${volume.name} is a folder on disk instead of memory: ${why}`),
    });
    return mounted;
  }
  if (volume.hostPath !== undefined) {
    await checkHostPath(volume.hostPath);
    return { ...mounted, path: volume.hostPath.path };
  }
  throw unsupported(volumeType(volume) ?? "unknown");
}

/** Writes the files of a volume that are not as they should be. */
export async function mountFiles(volume: Volume, context: VolumeContext): Promise<MountedVolume> {
  const { pod, path, sources, nowMs } = context;
  const { files, refreshAtMs } = await volumeContent(pod, volume, sources);
  const ownership = ownershipOf(pod, { readOnly: true });
  await mkdir(dirname(path), { recursive: true });
  // The kubelet has all but ConfigMaps in memory, on file systems with this mode.
  await makeFolder(path, volume.configMap === undefined ? 0o1777 : 0o777, undefined);
  await makeNestedMountPoints(pod, volume.name, path);
  const prepare = ownership && (() => giveToGroup(path, ownership));
  await writeAtomically(path, files, { nowMs, ...(prepare && { prepare }) });
  return { path, readOnly: true, group: undefined, refreshAtMs };
}

async function mountClaimed(
  claimed: PersistentVolume,
  volume: Volume,
  { pod, node }: VolumeContext,
): Promise<MountedVolume> {
  const { hostPath, local, volumeMode = "Filesystem" } = claimed.spec;
  if (volumeMode !== "Filesystem") throw new Error(`volumes of mode ${volumeMode} are not supported`);
  if (!isReachable(claimed, node)) throw new Error("no matching NodeSelectorTerms");
  const readOnly = volume.persistentVolumeClaim?.readOnly ?? false;
  const mounted = { readOnly, group: volumeGroup(claimed), refreshAtMs: Number.POSITIVE_INFINITY };
  if (hostPath !== undefined) {
    // Whoever the containers run as: nobody else made this folder, and nobody else uses it.
    await checkHostPath(hostPath, isOfLocalProvisioner(claimed) ? 0o777 : 0o755);
    return { ...mounted, path: hostPath.path };
  }
  if (local === undefined) throw unsupported(persistentSource(claimed));
  const status = await stat(local.path).catch(() => undefined);
  if (status === undefined) throw new Error(`path ${JSON.stringify(local.path)} does not exist`);
  if (!status.isDirectory()) throw new Error("only folders are supported as local volumes");
  const ownership = ownershipOf(pod, { readOnly });
  if (ownership !== undefined) await giveToGroup(local.path, ownership);
  return { ...mounted, path: local.path };
}

function ownershipOf(pod: Pod, { readOnly }: { readOnly: boolean }): Ownership | undefined {
  const wanted = fsGroupOf(pod);
  return wanted && { ...wanted, readOnly };
}

const notSources = new Set([
  "accessModes",
  "capacity",
  "claimRef",
  "mountOptions",
  "nodeAffinity",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "volumeAttributesClassName",
  "volumeMode",
]);

function persistentSource({ spec }: PersistentVolume): string {
  return Object.keys(spec).find((key) => !notSources.has(key)) ?? "unknown";
}

function unsupported(type: string): Error {
  return new Error(`volumes of type ${type} are not supported on this node`);
}
