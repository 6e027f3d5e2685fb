import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** An open file of a log. */
export interface LogFile {
  handle: FileHandle;
  path: string;
}

/** Of a log, beside the file that is written: the kubelet's containerLogMaxFiles, less that one. */
const keptFiles = 4;

/** The files of a log, oldest first: those that were rotated away, "PATH.20260102-150405.123", then PATH itself. */
async function filesOf(path: string): Promise<string[]> {
  const name = basename(path);
  const names = await readdir(dirname(path)).catch(() => []);
  const rotated = names.filter((each) => each.startsWith(`${name}.`)).sort();
  return [...rotated.map((each) => join(dirname(path), each)), path];
}

/** Opens the file that comes after; after nothing, the oldest. Undefined when there is none. */
export async function openNext(path: string, after: FileHandle | undefined): Promise<LogFile | undefined> {
  const before = await after?.stat();
  const files = await filesOf(path);
  const inodes = await Promise.all(files.map((file) => inodeOf(file)));
  // One that was removed meanwhile is older than all others.
  const from = before === undefined ? 0 : inodes.indexOf(before.ino) + 1;
  for (const file of files.slice(from)) {
    const opened = await openFile(file);
    if (opened !== undefined) return opened;
  }
  return undefined;
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino;
}

async function openFile(path: string): Promise<LogFile | undefined> {
  try {
    return { handle: await open(path, "r"), path };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Opens the file in which the last so many lines begin, and says where. */
export async function openTail(path: string, count: number): Promise<(LogFile & { position: number }) | undefined> {
  let wanted = count;
  let oldest: LogFile | undefined;
  for (const file of (await filesOf(path)).reverse()) {
    const opened = await openFile(file);
    if (opened === undefined) continue;
    await oldest?.handle.close();
    oldest = opened;
    const { position, found } = await tailStart(opened.handle, wanted);
    if (found === wanted) return { ...opened, position };
    wanted -= found;
  }
  return oldest && { ...oldest, position: 0 };
}

const chunkBytes = 64 * 1024;
const newline = 0x0a;

/** Where the last so many lines begin, or all there are; parts of a line count as one. */
async function tailStart(file: FileHandle, count: number): Promise<{ position: number; found: number }> {
  const { size } = await file.stat();
  if (count === 0) return { position: size, found: 0 };
  let found = 0;
  let end = size;
  const buffer = Buffer.alloc(chunkBytes);
  while (end > 0) {
    const start = Math.max(0, end - chunkBytes);
    const { bytesRead } = await file.read(buffer, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      // The newline at the very end ends the last line.
      if (buffer[at] !== newline || start + at === size - 1) continue;
      if (await isPart(file, start + at)) continue;
      if (++found === count) return { position: start + at + 1, found };
    }
    end = start;
  }
  // The first line has no newline before it.
  return { position: 0, found: size === 0 ? 0 : found + 1 };
}

/** Whether the line that ends at the position is a part of one that goes on. */
async function isPart(file: FileHandle, end: number): Promise<boolean> {
  const from = Math.max(0, end - 32 * 1024);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from);
  const line = buffer.subarray(0, bytesRead);
  return tagOf(line.subarray(line.lastIndexOf(newline) + 1)) === "P";
}

function tagOf(line: Buffer): string | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  return first < 0 || second < 0 ? undefined : String.fromCharCode(line[second + 1] ?? 0);
}

/** Moves the file aside; of those moved before, the oldest go. Who writes it is to open it anew. */
export async function moveAside(path: string, nowMs: number): Promise<void> {
  let aside = `${path}.${stampOf(nowMs)}`;
  for (let later = nowMs + 1; (await inodeOf(aside)) !== undefined; later++) aside = `${path}.${stampOf(later)}`;
  await rename(path, aside);
  const rotated = (await filesOf(path)).slice(0, -1);
  const tooOld = rotated.slice(0, Math.max(0, rotated.length - keptFiles));
  await Promise.all(tooOld.map((file) => rm(file, { force: true })));
}

/** "20260102-150405.123" */
function stampOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:Z]/g, "").replace("T", "-");
}

/** Removes the log with all that was rotated away. */
export async function removeLog(path: string): Promise<void> {
  await Promise.all((await filesOf(path)).map((file) => rm(file, { force: true })));
}
