/** The node's own mounts. */
import { execFile } from "node:child_process";
import { readFile, realpath } from "node:fs/promises";
import { promisify } from "node:util";

export interface Mounts {
  /** @param options "size=1048576" */
  tmpfs(path: string, options: readonly string[]): Promise<void>;
  bind(source: string, target: string): Promise<void>;
  unmount(path: string): Promise<void>;
  /** The mount points at and below a folder, the deepest first. */
  below(path: string): Promise<string[]>;
}

const run = promisify(execFile);

/** By mount(8); undefined where this process may not mount. */
export function systemMounts(): Mounts | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  return {
    async tmpfs(path, options) {
      await run("mount", ["-t", "tmpfs", ...options.flatMap((option) => ["-o", option]), "tmpfs", path]);
    },
    async bind(source, target) {
      // The source is a file descriptor: its name must not be looked up anew.
      await run("mount", ["--no-canonicalize", "--bind", source, target]);
    },
    async unmount(path) {
      await run("umount", ["--no-canonicalize", path]);
    },
    async below(path) {
      // The kernel tells of points by paths without links.
      const real = await realpath(path).catch(() => path);
      const points = mountPointsBelow(await readFile("/proc/self/mountinfo", "utf8"), real);
      return points.map((point) => path + point.slice(real.length));
    },
  };
}

/** @param mountInfo the text of /proc/self/mountinfo, where blanks in paths are "\040" */
export function mountPointsBelow(mountInfo: string, path: string): string[] {
  const found: string[] = [];
  for (const line of mountInfo.split("\n")) {
    const point = (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_all, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (point === path || point.startsWith(`${path}/`)) found.push(point);
  }
  // Later lines are mounts over earlier ones.
  return found.reverse().sort((a, b) => b.split("/").length - a.split("/").length);
}
