import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { readChartArchive } from "../charts/chart-archive.ts";
import { maxChartBytes } from "../charts/chart-cache.ts";
import { type ChartFiles, chartFileNames, readChartContent } from "../charts/chart-content.ts";
import { ChartError } from "../charts/chart-source.ts";
import type { Backend, FoundChart, Snapshot } from "./backend.ts";

const maxEntries = 1000;
const maxFilesPerChart = 5000;

interface Entry extends FoundChart {
  /** Times and sizes of its files: the same as long as nothing was written. */
  signature: string;
}

/** A folder of charts on this machine: folders with a Chart.yaml, and .tgz files. The folder itself may be a chart. */
export class FolderRepository implements Backend {
  readonly type = "folder";
  readonly #folder: string;
  #entries = new Map<string, Entry>();
  #digest = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  async refresh(): Promise<Snapshot> {
    const entries = new Map<string, Entry>();
    for (const path of await this.#charts()) {
      const signature = await signatureOf(path);
      const known = this.#entries.get(path);
      entries.set(path, known?.signature === signature ? known : { ...(await readEntry(path)), signature });
    }
    const digest = sha256([...entries].map(([path, entry]) => `${path} ${entry.digest}`).join("\n"));
    const changed = digest !== this.#digest;
    this.#entries = entries;
    this.#digest = digest;
    return { changed, charts: this.chartNames().length, digest };
  }

  async versions(chart: string): Promise<readonly string[]> {
    return this.knownVersions(chart) ?? [];
  }

  knownVersions(chart: string): readonly string[] | undefined {
    return this.#of(chart).map(({ content }) => content.version);
  }

  chartNames(): readonly string[] {
    return [...new Set([...this.#entries.values()].map(({ content }) => content.name))];
  }

  async fetch(chart: string, version: string): Promise<FoundChart> {
    const found = this.peek(chart, version);
    if (found === undefined) throw new ChartError("ChartNotFound", `no ${chart} ${version} in ${this.#folder}`, true);
    return found;
  }

  peek(chart: string, version: string): FoundChart | undefined {
    return this.#of(chart).find(({ content }) => content.version === version);
  }

  close(): void {}

  #of(chart: string): Entry[] {
    return [...this.#entries.values()].filter(({ content }) => content.name === chart);
  }

  async #charts(): Promise<string[]> {
    let names: string[];
    try {
      names = (await readdir(this.#folder)).sort();
    } catch (error) {
      throw new ChartError(
        "FetchFailed",
        `the folder ${this.#folder} cannot be read: ${(error as NodeJS.ErrnoException).code}`,
        true,
      );
    }
    if (names.includes("Chart.yaml")) return [this.#folder];
    const charts: string[] = [];
    for (const name of names.slice(0, maxEntries)) {
      const path = join(this.#folder, name);
      if (name.endsWith(".tgz")) charts.push(path);
      else if ((await stat(join(path, "Chart.yaml")).catch(() => undefined))?.isFile()) charts.push(path);
    }
    return charts;
  }
}

async function readEntry(path: string): Promise<FoundChart> {
  if (path.endsWith(".tgz")) {
    const { size } = await stat(path);
    if (size > maxChartBytes)
      throw new ChartError("InvalidChart", `${path} is larger than ${maxChartBytes} bytes`, false);
    const archive = await readFile(path);
    return { path, digest: sha256(archive), content: await readChartArchive(archive, path) };
  }
  const hash = createHash("sha256");
  for (const file of await filesBelow(path)) {
    const content = await readFile(join(path, file));
    hash.update(`${file.length} ${file} ${content.length} `).update(content);
  }
  const files: ChartFiles = {};
  for (const name of chartFileNames) {
    const content = await readFile(join(path, name), "utf8").catch(() => undefined);
    if (content !== undefined) files[name] = content;
  }
  return { path, digest: hash.digest("hex"), content: await readChartContent(files, path) };
}

async function signatureOf(path: string): Promise<string> {
  const files = path.endsWith(".tgz") ? [""] : await filesBelow(path);
  const parts: string[] = [];
  for (const file of files) {
    const { mtimeMs, size, ino } = await stat(join(path, file));
    parts.push(`${file} ${mtimeMs} ${size} ${ino}`);
  }
  return sha256(parts.join("\n"));
}

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  if (files.length > maxFilesPerChart) {
    throw new ChartError("InvalidChart", `${folder} has more than ${maxFilesPerChart} files`, false);
  }
  return files.map((file) => file.slice(folder.length + 1)).sort();
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
