import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Makes a folder with a path short enough for the sockets in it. */
export function shortFolder(prefix: string): Promise<string> {
  return mkdtemp(join("/tmp", prefix));
}

/** Removes a folder with what is mounted below it. */
export async function removeFolder(folder: string): Promise<void> {
  const mounts = (await readFile("/proc/self/mounts", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`))
    .reverse();
  // Daemons of the folder may be undoing theirs.
  for (const path of mounts) await promisify(execFile)("umount", ["-l", path]).catch(() => {});
  await rm(folder, { recursive: true, force: true });
}
