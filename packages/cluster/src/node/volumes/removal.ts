/** Takes away a pod's folder, with whatever its containers left there. */
import { lstat, rm } from "node:fs/promises";
import type { Mounts } from "./mounts.ts";

/**
 * Unmounts what is mounted in the folder, then removes it; links are not followed. Fine when there is none. Throws,
 * with nothing removed, when something stays mounted: it may be somebody else's files.
 *
 * @param removeForeign removes files that this process may not, as those that containers made as root
 */
export async function removeFolder(
  path: string,
  mounts: Mounts | undefined,
  removeForeign: ((path: string) => Promise<void>) | undefined,
): Promise<void> {
  if (mounts !== undefined) {
    for (const point of await mounts.below(path)) await mounts.unmount(point);
    const left = await mounts.below(path);
    if (left.length > 0) throw new Error(`${left[0]} is still mounted`);
  }
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (removeForeign === undefined || (code !== "EACCES" && code !== "EPERM")) throw error;
    await removeForeign(path);
    if ((await lstat(path).catch(() => undefined)) !== undefined) throw error;
  }
}
