import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The helm processes under way, as files: one that outlived an operator that was killed is found by the next one on
 * the same machine.
 */
export class Leftovers {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = join(folder, "running");
  }

  async add(pid: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(join(this.#folder, String(pid)), String(process.pid), { mode: 0o600 });
  }

  async remove(pid: number): Promise<void> {
    await rm(join(this.#folder, String(pid)), { force: true });
  }

  /** Kills what an earlier operator left running; another that is still alive keeps its own. */
  async end(): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const file = join(this.#folder, name);
      const owner = Number(await readFile(file, "utf8").catch(() => "0"));
      if (owner === process.pid || isAlive(owner)) continue;
      // A process id may belong to somebody else by now: helm has our folder in its environment.
      const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "");
      if (environment.split("\0").includes(`${marker}=${this.#folder}`)) {
        try {
          process.kill(-Number(name), "SIGKILL");
        } catch {
          // It has ended.
        }
      }
      await rm(file, { force: true });
    }
  }

  /** By which a process is known to be one of this folder. */
  get environment(): Record<string, string> {
    return { [marker]: this.#folder };
  }
}

const marker = "PODWRIGHT_HELM";

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
