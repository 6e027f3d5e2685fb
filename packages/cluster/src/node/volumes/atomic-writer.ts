/**
 * Files of a volume that change all at once (k8s.io/kubernetes/pkg/volume/util/atomic_writer.go). What a container
 * sees are links through the link "..data" to a folder with the real files; an update makes another folder and turns
 * that one link.
 */
import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, normalize } from "node:path";

export interface VolumeFile {
  data: Uint8Array | string;
  mode: number;
  /** Its owner, if not this process's user. */
  user?: number;
}

export interface WriteOptions {
  nowMs: number;
  /** Sets owners and modes, before the files can be seen. */
  prepare?: () => Promise<void>;
}

const dataLink = "..data";

/**
 * Makes the folder show these files and no others. Gives whether anything was written. One call at a time for a
 * folder. Throws for paths that lead out of it or begin with "..".
 *
 * @param files by path, with "/" between its parts
 */
export async function writeAtomically(
  folder: string,
  files: ReadonlyMap<string, VolumeFile>,
  { nowMs, prepare }: WriteOptions,
): Promise<boolean> {
  const wanted = new Map<string, VolumeFile>();
  for (const [path, file] of files) wanted.set(checkedPath(path), file);
  const current = await currentFolder(folder);
  const before = current === undefined ? [] : await filesBelow(join(folder, current));
  if (current !== undefined && (await isAsWanted(join(folder, current), before, wanted))) {
    await linkFiles(folder, wanted);
    return false;
  }
  const next = await writeVersion(folder, wanted, nowMs);
  try {
    await prepare?.();
    await turnLink(folder, next);
  } catch (error) {
    await rm(join(folder, next), { recursive: true, force: true });
    throw error;
  }
  await linkFiles(folder, wanted);
  await unlinkOthers(folder, before, wanted);
  if (current !== undefined) await rm(join(folder, current), { recursive: true, force: true });
  return true;
}

function checkedPath(path: string): string {
  if (path === "") throw new Error('invalid path: must not be empty: ""');
  if (path.startsWith("/")) throw new Error(`invalid path: must be relative path: ${path}`);
  if (path.length > 4096) throw new Error("invalid path: must be less than or equal to 4096 characters");
  const parts = path.split("/");
  if (parts.includes("..")) throw new Error(`invalid path: must not contain '..': ${path}`);
  if (parts.some((part) => part.length > 255)) {
    throw new Error("invalid path: filenames must be less than or equal to 255 characters");
  }
  if (path.startsWith("..")) throw new Error(`invalid path: must not start with '..': ${path}`);
  return normalize(path);
}

/** The name of the folder that is shown now. */
async function currentFolder(folder: string): Promise<string | undefined> {
  try {
    return await readlink(join(folder, dataLink));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The paths of the files below a folder, relative to it. */
async function filesBelow(folder: string, prefix = ""): Promise<string[]> {
  const entries = await readdir(join(folder, prefix), { withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const found: string[] = [];
  for (const entry of entries) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(folder, path)));
    else found.push(path);
  }
  return found;
}

async function isAsWanted(
  folder: string,
  present: readonly string[],
  wanted: ReadonlyMap<string, VolumeFile>,
): Promise<boolean> {
  if (present.length !== wanted.size || !present.every((path) => wanted.has(path))) return false;
  for (const [path, { data }] of wanted) {
    if (!(await readFile(join(folder, path))).equals(typeof data === "string" ? Buffer.from(data) : data)) return false;
  }
  return true;
}

/** Gives the name of the new folder. */
async function writeVersion(folder: string, files: ReadonlyMap<string, VolumeFile>, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replace(/[-T:]/g, "_");
  const name = `..${stamp}.${randomBytes(5).toString("hex")}`;
  const version = join(folder, name);
  await mkdir(version);
  // The modes that are asked for, whatever the umask.
  await chmod(version, 0o755);
  const folders = new Set<string>();
  for (const [path, { data, mode, user }] of files) {
    const target = join(version, path);
    for (let parent = dirname(path); parent !== "."; parent = dirname(parent)) folders.add(parent);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, data, { mode: 0o600 });
    await chmod(target, mode);
    if (user !== undefined) await chown(target, user, -1).catch(() => chmod(target, mode | 0o044));
  }
  for (const each of folders) await chmod(join(version, each), 0o755);
  return name;
}

async function turnLink(folder: string, version: string): Promise<void> {
  const link = join(folder, "..data_tmp");
  // One may be left from a process that was ended in between.
  await rm(link, { force: true });
  await symlink(version, link);
  await rename(link, join(folder, dataLink));
}

async function linkFiles(folder: string, files: ReadonlyMap<string, VolumeFile>): Promise<void> {
  for (const name of new Set([...files.keys()].map(firstPart))) {
    const visible = join(folder, name);
    const present = await lstat(visible).catch(() => undefined);
    if (present === undefined) await symlink(join(dataLink, name), visible);
  }
}

async function unlinkOthers(
  folder: string,
  before: readonly string[],
  files: ReadonlyMap<string, VolumeFile>,
): Promise<void> {
  const kept = new Set([...files.keys()].map(firstPart));
  for (const name of new Set(before.map(firstPart))) {
    if (!kept.has(name)) await unlink(join(folder, name)).catch(() => {});
  }
}

function firstPart(path: string): string {
  return path.split("/", 1)[0] as string;
}
