/** Folders that live as long as their pod (k8s.io/kubernetes/pkg/volume/emptydir/empty_dir.go). */
import { chmod, mkdir, rename, stat } from "node:fs/promises";
import { quantityValue } from "@podwright/kube";
import type { Container, Pod } from "../../kinds.ts";
import type { Mounts } from "./mounts.ts";
import { giveToGroup, type Ownership } from "./ownership.ts";
import type { EmptyDirSource } from "./volume-sources.ts";

export interface EmptyDirOptions {
  pod: Pod;
  /** Of the node, bytes: no volume in memory is larger. */
  allocatableMemory: number;
  /** Undefined where this process may not mount. */
  mounts: Mounts | undefined;
  ownership: Ownership | undefined;
  /** A volume in memory became a plain folder, with why. */
  notInMemory: (why: string) => void;
}

/** Makes the folder; what is in it stays. Throws for a medium that there is not. */
export async function makeEmptyDir(
  path: string,
  { medium = "", sizeLimit }: EmptyDirSource,
  { pod, allocatableMemory, mounts, ownership, notInMemory }: EmptyDirOptions,
): Promise<void> {
  if (medium.startsWith("HugePages")) throw new Error(`storage medium ${JSON.stringify(medium)} is not supported`);
  if (medium !== "" && medium !== "Memory") throw new Error(`unknown storage medium ${JSON.stringify(medium)}`);
  await makeFolder(path, 0o777, ownership);
  if (medium !== "Memory") return;
  if (mounts === undefined) return notInMemory("this process may not mount file systems");
  if ((await mounts.below(path)).includes(path)) return;
  const limits = [allocatableMemory, memoryLimit(pod), sizeLimit === undefined ? 0 : quantityValue(sizeLimit)];
  const size = Math.min(...limits.filter((limit) => limit > 0));
  try {
    await mounts.tmpfs(path, Number.isFinite(size) ? [`size=${Math.floor(size)}`] : []);
  } catch (error) {
    return notInMemory((error as Error).message.trim());
  }
  if (ownership !== undefined) await giveToGroup(path, ownership);
}

/** A folder with this mode, whatever the umask; it appears with its modes. One that is there is left as it is. */
export async function makeFolder(path: string, mode: number, ownership: Ownership | undefined): Promise<void> {
  if ((await stat(path).catch(() => undefined)) !== undefined) return;
  const unfinished = `${path}.making`;
  await mkdir(unfinished, { recursive: true });
  await chmod(unfinished, mode);
  if (ownership !== undefined) await giveToGroup(unfinished, ownership);
  await rename(unfinished, path);
}

/** Of all containers together, bytes; 0 when one of them has none. */
function memoryLimit(pod: Pod): number {
  const ofPod = pod.spec.resources?.limits?.["memory"];
  if (ofPod !== undefined) return quantityValue(ofPod);
  const limits = pod.spec.containers.map((container: Container) => container.resources?.limits?.["memory"]);
  if (limits.some((limit) => limit === undefined)) return 0;
  return limits.reduce((sum, limit) => sum + quantityValue(limit ?? "0"), 0);
}
