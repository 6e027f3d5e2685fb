/** Who owns the files of a volume (k8s.io/kubernetes/pkg/volume/volume_linux.go). */
import { chmod, lchown, lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { Container, Pod } from "../../kinds.ts";
import { containersOf } from "../objects/pod-references.ts";

const setGid = 0o2000;

export interface Ownership {
  group: number;
  /** The pod may only read the volume. */
  readOnly: boolean;
  /** Leaves a volume alone whose root is as wanted already. */
  onRootMismatch?: boolean;
}

/**
 * Gives a folder and everything in it to a group: its members may do what the owner may. Links are not followed.
 * Where this process may not give files away, everybody gets what the group was to get; the node's folder keeps
 * others on the machine out.
 */
export async function giveToGroup(path: string, ownership: Ownership): Promise<void> {
  if (ownership.onRootMismatch && (await isGiven(path, ownership))) return;
  await give(path, ownership);
}

async function give(path: string, ownership: Ownership): Promise<void> {
  const status = await lstat(path);
  if (status.isDirectory()) {
    // The root last: a walk that was cut short is then known by it.
    for await (const entry of await opendir(path)) await give(join(path, entry.name), ownership);
  }
  const given = await lchown(path, status.uid, ownership.group).then(
    () => true,
    () => false,
  );
  if (status.isSymbolicLink()) return;
  let mode = status.mode | (ownership.readOnly ? 0o440 : 0o660);
  if (status.isDirectory()) mode |= setGid | 0o110;
  if (!given) mode |= (mode & 0o070) >> 3;
  await chmod(path, mode & 0o7777).catch(() => {});
}

async function isGiven(path: string, { group, readOnly }: Ownership): Promise<boolean> {
  const status = await lstat(path);
  if (!status.isDirectory() || status.gid !== group) return false;
  const wanted = (readOnly ? 0o440 : 0o660) | 0o110 | setGid;
  return (status.mode & wanted) === wanted;
}

interface SecurityContexts {
  securityContext?: { fsGroup?: number; fsGroupChangePolicy?: string; runAsUser?: number };
}

/** The group that the pod wants its volumes to have. */
export function fsGroupOf(pod: Pod): { group: number; onRootMismatch: boolean } | undefined {
  const { fsGroup, fsGroupChangePolicy } = (pod.spec as SecurityContexts).securityContext ?? {};
  return fsGroup === undefined
    ? undefined
    : { group: fsGroup, onRootMismatch: fsGroupChangePolicy === "OnRootMismatch" };
}

/** The user that all containers of the pod run as, if it is one and the pod says so. */
export function fsUserOf(pod: Pod): number | undefined {
  const { runAsUser } = (pod.spec as SecurityContexts).securityContext ?? {};
  const users = new Set(
    containersOf(pod).map(
      (container) => (container as Container & SecurityContexts).securityContext?.runAsUser ?? runAsUser,
    ),
  );
  return users.size === 1 ? [...users][0] : undefined;
}
