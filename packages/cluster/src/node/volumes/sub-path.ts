/** Parts of volumes that are mounted alone (k8s.io/kubernetes/pkg/volume/util/subpath/subpath_linux.go). */
import { mkdir, realpath, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Mounts } from "./mounts.ts";
import { makeBelow, openBelow } from "./safe-path.ts";

/**
 * Gives where on the node the part of a volume is, and makes it a folder when it is not there. Where this process may
 * mount, it is mounted at `target`, so that nothing a container does to the way there can lead elsewhere afterwards;
 * else the way is checked, and a container that turns it into a link right then is not caught. Throws when the way
 * leads out of the volume.
 *
 * @param volume the volume's folder
 * @param target does not change for the same mount of the same container
 */
export async function provideSubPath(
  volume: string,
  subPath: string,
  target: string,
  mounts: Mounts | undefined,
): Promise<string> {
  const wanted = join(volume, subPath);
  if (process.platform !== "linux") return provideByName(volume, wanted);
  if ((await stat(wanted).catch(() => undefined)) === undefined) {
    await makeBelow(volume, subPath, (await stat(volume)).mode & 0o7777);
  }
  await using entry = await openBelow(volume, subPath);
  if (mounts === undefined) return entry.path;
  if ((await mounts.below(target)).includes(target)) {
    if (await isSame(entry.reference, target)) return target;
    await mounts.unmount(target);
  }
  await mkdir(dirname(target), { recursive: true });
  if (entry.isDirectory) await mkdir(target, { recursive: true });
  else await writeFile(target, "");
  await mounts.bind(entry.reference, target);
  return target;
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(a), stat(b)]);
  return one.dev === other.dev && one.ino === other.ino;
}

/** Where there are no descriptors to go by. */
async function provideByName(volume: string, wanted: string): Promise<string> {
  await mkdir(wanted, { recursive: true });
  const real = await realpath(wanted);
  if (relative(await realpath(volume), real).startsWith("..")) throw new Error(`${real} is outside of ${volume}`);
  return real;
}
