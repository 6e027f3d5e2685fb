/**
 * Ways below a folder whose content belongs to containers, which may put links there, also while it is walked
 * (k8s.io/kubernetes/pkg/volume/util/subpath/subpath_linux.go).
 */
import { constants } from "node:fs";
import { chmod, type FileHandle, mkdir, open, realpath } from "node:fs/promises";
import { join, relative } from "node:path";

// Not among Node's constants; of Linux.
const openPath = 0o10000000;

export interface SafeEntry extends AsyncDisposable {
  /** Names the entry whatever happens to its path, as long as this is open. */
  reference: string;
  /** Where it was. */
  path: string;
  isDirectory: boolean;
}

/** Opens what is at a path below the folder. Throws when there is nothing, or a link leads out of the folder. */
export async function openBelow(folder: string, path: string): Promise<SafeEntry> {
  const root = await realpath(folder);
  const real = await realpath(join(root, path));
  const handle = await walk(root, partsBelow(root, real));
  const isDirectory = (await handle.stat()).isDirectory();
  return {
    reference: `/proc/${process.pid}/fd/${handle.fd}`,
    path: real,
    isDirectory,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/** Makes the folders of a path below the folder that are not there. Throws as {@link openBelow} does. */
export async function makeBelow(folder: string, path: string, mode: number): Promise<void> {
  const root = await realpath(folder);
  const missing: string[] = [];
  let present = join(root, path);
  let real = await realpath(present).catch(notThere);
  while (real === undefined) {
    missing.unshift(present.slice(present.lastIndexOf("/") + 1));
    present = present.slice(0, present.lastIndexOf("/"));
    real = await realpath(present).catch(notThere);
  }
  let handle = await walk(root, partsBelow(root, real));
  try {
    for (const name of missing) {
      const child = `/proc/self/fd/${handle.fd}/${name}`;
      const made = await mkdir(child, mode).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code !== "EEXIST") throw error;
          return false;
        },
      );
      const next = await openPart(handle, name);
      await handle.close();
      handle = next;
      // Through the descriptor, so that it is what was made; whatever the umask.
      if (made) await chmod(`/proc/self/fd/${handle.fd}`, mode);
    }
  } finally {
    await handle.close();
  }
}

/** Opens part by part, each in the one before, never through a link: there is none in a resolved path. */
async function walk(root: string, parts: readonly string[]): Promise<FileHandle> {
  let handle = await open(root, openPath | constants.O_NOFOLLOW);
  for (const part of parts) {
    try {
      const next = await openPart(handle, part);
      await handle.close();
      handle = next;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
  return handle;
}

async function openPart(folder: FileHandle, part: string): Promise<FileHandle> {
  const handle = await open(`/proc/self/fd/${folder.fd}/${part}`, openPath | constants.O_NOFOLLOW);
  if (!(await handle.stat()).isSymbolicLink()) return handle;
  await handle.close();
  throw new Error(`${part} became a link while it was looked at`);
}

function partsBelow(root: string, path: string): string[] {
  const below = relative(root, path);
  if (below === "") return [];
  if (below === ".." || below.startsWith("../")) throw new Error(`${path} is outside of ${root}`);
  return below.split("/");
}

function notThere(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw error;
}
