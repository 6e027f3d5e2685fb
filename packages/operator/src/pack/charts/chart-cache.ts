import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readChartArchive } from "./chart-archive.ts";
import type { ChartContent } from "./chart-content.ts";
import { ChartError } from "./chart-source.ts";

/** The largest packed chart. */
export const maxChartBytes = 20 * 1024 * 1024;
/** On disk; what was used least recently goes first. */
const maxTotalBytes = 512 * 1024 * 1024;
/** In memory: what charts say of themselves. */
const maxContents = 128;
/** A chart that was used so recently may be in helm's hands. */
const graceMs = 15 * 60_000;

/** A packed chart on disk. */
export interface CachedChart {
  digest: string;
  path: string;
  content: ChartContent;
}

/** Packed charts on disk by their digest. Several processes may share the folder. */
export class ChartCache {
  readonly #folder: string;
  readonly #contents = new Map<string, CachedChart>();

  /** @param folder made when first needed */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Of what is in memory already. */
  peek(digest: string): CachedChart | undefined {
    return this.#contents.get(digest);
  }

  /** Undefined when it is not there, or is not what its name says. */
  async get(digest: string): Promise<CachedChart | undefined> {
    // It comes from an index that anyone may have written, and becomes a path.
    if (!/^[0-9a-f]{64}$/.test(digest)) return undefined;
    const known = this.#contents.get(digest);
    if (known !== undefined) {
      this.#keep(known);
      if (await this.#touch(known.path)) return known;
      this.#contents.delete(digest);
      return undefined;
    }
    return this.#load(digest);
  }

  /**
   * Keeps a packed chart. Throws ChartError: "DigestMismatch" when its digest is not the expected one, "InvalidChart".
   * @param expected sha256, hex; "" for any
   * @param where names it in errors
   */
  async put(archive: Buffer, expected: string, where: string): Promise<CachedChart> {
    const digest = createHash("sha256").update(archive).digest("hex");
    if (expected !== "" && expected !== digest) {
      throw new ChartError(
        "DigestMismatch",
        `${where}: its digest is sha256:${digest}, sha256:${expected} is promised`,
        true,
      );
    }
    const chart = { digest, path: this.#path(digest), content: await readChartArchive(archive, where) };
    await mkdir(this.#folder, { recursive: true });
    // Under another name first: a crash must not leave half a chart under this one.
    const partial = `${chart.path}.${randomUUID()}.partial`;
    await writeFile(partial, archive, { mode: 0o600 });
    await rename(partial, chart.path);
    this.#keep(chart);
    await this.#prune();
    return chart;
  }

  #path(digest: string): string {
    return join(this.#folder, `${digest}.tgz`);
  }

  #keep(chart: CachedChart): void {
    this.#contents.delete(chart.digest);
    this.#contents.set(chart.digest, chart);
    for (const oldest of this.#contents.keys()) {
      if (this.#contents.size <= maxContents) break;
      this.#contents.delete(oldest);
    }
  }

  async #load(digest: string): Promise<CachedChart | undefined> {
    const path = this.#path(digest);
    let archive: Buffer;
    try {
      archive = await readFile(path);
    } catch {
      return undefined;
    }
    if (createHash("sha256").update(archive).digest("hex") !== digest) {
      await rm(path, { force: true });
      return undefined;
    }
    const chart = { digest, path, content: await readChartArchive(archive, path) };
    await this.#touch(path);
    this.#keep(chart);
    return chart;
  }

  async #touch(path: string): Promise<boolean> {
    const now = new Date();
    return utimes(path, now, now).then(
      () => true,
      () => false,
    );
  }

  async #prune(): Promise<void> {
    const files: { path: string; size: number; usedAt: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found?.isFile()) files.push({ path, size: found.size, usedAt: found.mtimeMs });
    }
    let total = files.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size, usedAt } of files.sort((a, b) => a.usedAt - b.usedAt)) {
      const abandoned = path.endsWith(".partial") && usedAt < Date.now() - graceMs;
      if (total <= maxTotalBytes && !abandoned) continue;
      if (usedAt > Date.now() - graceMs) continue;
      await rm(path, { force: true });
      total -= size;
    }
  }
}
