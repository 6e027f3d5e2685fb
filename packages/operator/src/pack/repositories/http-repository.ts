import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type ChartCache, maxChartBytes } from "../charts/chart-cache.ts";
import { ChartError } from "../charts/chart-source.ts";
import type { Backend, FoundChart, Snapshot } from "./backend.ts";
import { type ChartIndex, type IndexEntry, parseIndex } from "./chart-index.ts";
import { authorization, type Credentials, Downloader, shown } from "./download.ts";
import { SharedCalls } from "./shared-calls.ts";

/** The largest index, unpacked. */
const maxIndexBytes = 64 * 1024 * 1024;

export interface HttpRepositoryOptions {
  url: string;
  credentials: Credentials;
  passCredentials: boolean;
  timeoutMs: number;
  cache: ChartCache;
  /** A file of its own, where the index is kept from one process to the next. */
  indexFile: string;
}

interface StoredIndex {
  digest: string;
  etag?: string;
  lastModified?: string;
  charts: [string, IndexEntry[]][];
}

/** A helm repository on an HTTP server: an index.yaml, and charts where it says. */
export class HttpRepository implements Backend {
  readonly type = "http";
  readonly #options: HttpRepositoryOptions;
  readonly #downloader: Downloader;
  readonly #base: URL;
  readonly #authorization: string | undefined;
  #index: ChartIndex | undefined;
  /** Of the charts that were asked for: the same array as long as the index is the same. */
  readonly #versions = new Map<string, readonly string[]>();
  #digest = "";
  #validators: { etag?: string; lastModified?: string } = {};
  // Of charts whose digest the index does not tell.
  readonly #digests = new Map<string, string>();
  readonly #fetching = new SharedCalls<FoundChart>();

  constructor(options: HttpRepositoryOptions) {
    this.#options = options;
    this.#downloader = new Downloader(options.credentials);
    this.#base = new URL(options.url.endsWith("/") ? options.url : `${options.url}/`);
    this.#authorization = authorization(options.credentials);
  }

  async refresh(): Promise<Snapshot> {
    if (this.#index === undefined) await this.#restore();
    const { etag, lastModified } = this.#validators;
    const download = await this.#downloader.get(new URL(`index.yaml${this.#base.search}`, this.#base).href, {
      maxBytes: maxIndexBytes,
      timeoutMs: this.#options.timeoutMs,
      authorization: this.#authorization,
      compressed: true,
      accept: [304],
      headers: {
        ...(etag === undefined ? {} : { "if-none-match": etag }),
        ...(lastModified === undefined ? {} : { "if-modified-since": lastModified }),
      },
    });
    if (download.status === 304 && this.#index !== undefined) return this.#snapshot(false);
    const digest = createHash("sha256").update(download.body).digest("hex");
    const validators = {
      ...(download.headers.etag === undefined ? {} : { etag: download.headers.etag }),
      ...(download.headers["last-modified"] === undefined ? {} : { lastModified: download.headers["last-modified"] }),
    };
    if (digest === this.#digest && this.#index !== undefined) {
      this.#validators = validators;
      return this.#snapshot(false);
    }
    const charts = [...(await parseIndex(download.body.toString("utf8")))];
    const stored = JSON.stringify({ digest, ...validators, charts });
    // Read back: parts of the index's text would keep the whole of it in memory.
    this.#use(JSON.parse(stored) as StoredIndex);
    this.#digests.clear();
    await this.#store(stored);
    return this.#snapshot(true);
  }

  async versions(chart: string): Promise<readonly string[]> {
    return this.knownVersions(chart) ?? [];
  }

  knownVersions(chart: string): readonly string[] | undefined {
    if (this.#index === undefined) return undefined;
    let versions = this.#versions.get(chart);
    if (versions === undefined) {
      const entries = this.#index.get(chart);
      if (entries === undefined) return [];
      versions = entries.map(({ version }) => version);
      this.#versions.set(chart, versions);
    }
    return versions;
  }

  chartNames(): readonly string[] {
    return [...(this.#index?.keys() ?? [])];
  }

  peek(chart: string, version: string): FoundChart | undefined {
    const entry = this.#entry(chart, version);
    const digest = entry?.digest || (entry === undefined ? undefined : this.#digests.get(entry.url));
    return digest === undefined ? undefined : this.#options.cache.peek(digest);
  }

  fetch(chart: string, version: string): Promise<FoundChart> {
    return this.#fetching.run(`${chart} ${version}`, () => this.#fetch(chart, version));
  }

  close(): void {
    this.#downloader.close();
  }

  async forget(): Promise<void> {
    this.close();
    await rm(this.#options.indexFile, { force: true });
  }

  async #fetch(chart: string, version: string): Promise<FoundChart> {
    const entry = this.#entry(chart, version);
    if (entry === undefined) throw new ChartError("ChartNotFound", `no ${chart} ${version} in the index`, true);
    const digest = entry.digest || this.#digests.get(entry.url);
    const cached = digest === undefined ? undefined : await this.#options.cache.get(digest);
    if (cached !== undefined) return cached;

    const url = this.#chartUrl(entry.url);
    const own = url.origin === this.#base.origin || this.#options.passCredentials;
    const download = await this.#downloader.get(url.href, {
      maxBytes: maxChartBytes,
      timeoutMs: this.#options.timeoutMs,
      authorization: own ? this.#authorization : undefined,
      credentialsEverywhere: this.#options.passCredentials,
    });
    const found = await this.#options.cache.put(download.body, entry.digest, shown(url));
    if (entry.digest === "") this.#digests.set(entry.url, found.digest);
    return found;
  }

  #entry(chart: string, version: string): IndexEntry | undefined {
    return this.#index?.get(chart)?.find((entry) => entry.version === version);
  }

  #chartUrl(url: string): URL {
    let resolved: URL;
    try {
      resolved = new URL(url, this.#base);
    } catch {
      throw new ChartError("InvalidIndex", `the index has the chart at "${url}", which is no URL`, false);
    }
    if (resolved.protocol !== "https:" && resolved.protocol !== "http:") {
      throw new ChartError(
        "InvalidIndex",
        `the index has the chart at ${resolved.protocol}//, which is not supported`,
        false,
      );
    }
    // A token in the repository's query goes along to its own charts, as with helm.
    if (resolved.search === "" && resolved.origin === this.#base.origin) resolved.search = this.#base.search;
    return resolved;
  }

  #snapshot(changed: boolean): Snapshot {
    return { changed, charts: this.#index?.size ?? 0, digest: this.#digest };
  }

  async #restore(): Promise<void> {
    try {
      this.#use(JSON.parse(await readFile(this.#options.indexFile, "utf8")) as StoredIndex);
    } catch {
      this.#index = undefined;
    }
  }

  #use({ digest, etag, lastModified, charts }: StoredIndex): void {
    this.#index = new Map(charts);
    this.#versions.clear();
    this.#digest = digest;
    this.#validators = {
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
  }

  async #store(text: string): Promise<void> {
    const { indexFile } = this.#options;
    await mkdir(dirname(indexFile), { recursive: true });
    // A name of its own: other processes may share the folder.
    const partial = `${indexFile}.${randomUUID()}.partial`;
    await writeFile(partial, text, { mode: 0o600 });
    await rename(partial, indexFile);
  }
}
