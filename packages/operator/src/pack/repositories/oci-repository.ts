import { createHash } from "node:crypto";
import { type ChartCache, maxChartBytes } from "../charts/chart-cache.ts";
import { ChartError } from "../charts/chart-source.ts";
import type { Backend, FoundChart, Snapshot } from "./backend.ts";
import type { Credentials } from "./download.ts";
import { OciRegistry } from "./oci-registry.ts";
import { SharedCalls } from "./shared-calls.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const chartLayerType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
const legacyChartLayerType = "application/tar+gzip";
const maxManifestBytes = 1024 * 1024;
/** Pages of tags, of 1000 each. */
const maxTagPages = 20;

export interface OciRepositoryOptions {
  /** "oci://HOST/PATH": charts are repositories below. */
  url: string;
  credentials: Credentials;
  insecure: boolean;
  timeoutMs: number;
  cache: ChartCache;
}

/**
 * Charts in an OCI registry: a repository for each, a tag for each version, with "+" written "_".
 * Protocol: opencontainers/distribution-spec; layout: helm.sh/helm pkg/registry.
 */
export class OciRepository implements Backend {
  readonly type = "oci";
  readonly #registry: OciRegistry;
  readonly #path: string;
  readonly #cache: ChartCache;
  readonly #host: string;
  readonly #hasLogin: boolean;
  /** Forgotten at each refresh: tags can be moved. */
  readonly #tags = new Map<string, readonly string[]>();
  readonly #layers = new Map<string, string>();
  #before = new Map<string, string>();
  readonly #listing = new SharedCalls<readonly string[]>();
  readonly #fetching = new SharedCalls<FoundChart>();

  constructor({ url, credentials, insecure, timeoutMs, cache }: OciRepositoryOptions) {
    const { host, pathname } = new URL(url.replace(/^oci:/, "https:"));
    this.#host = host;
    this.#path = pathname.replace(/^\/|\/$/g, "");
    this.#registry = new OciRegistry({ host, credentials, insecure, timeoutMs });
    this.#cache = cache;
    this.#hasLogin = credentials.username !== undefined || credentials.token !== undefined;
  }

  /** Looks again at the charts that were asked for; the registry itself is only asked whether it is there. */
  async refresh(): Promise<Snapshot> {
    const charts = [...this.#tags.keys()];
    if (charts.length === 0) {
      await this.#registry.ping().catch((error: ChartError) => {
        // Some let anyone read single repositories, but grant nothing for none.
        if (error.reason !== "AuthenticationFailed" || this.#hasLogin) throw error;
      });
      return { changed: false };
    }
    const before = this.#before;
    const now = new Map<string, string>();
    for (const chart of charts) now.set(chart, (await this.#listTags(chart)).join(" "));
    for (const [key, layer] of [...this.#layers]) {
      const [chart, version] = key.split(" ") as [string, string];
      this.#layers.delete(key);
      const there = this.#tags.get(chart)?.includes(version) === true;
      if (there) now.set(key, await this.#layerOf(chart, version));
      before.set(key, layer);
    }
    this.#before = now;
    const changed = [...now].some(([key, state]) => before.has(key) && before.get(key) !== state);
    return { changed };
  }

  async versions(chart: string): Promise<readonly string[]> {
    return (
      this.#tags.get(chart) ??
      this.#listing.run(chart, async () => {
        const tags = await this.#listTags(chart);
        this.#before.set(chart, tags.join(" "));
        return tags;
      })
    );
  }

  knownVersions(chart: string): readonly string[] | undefined {
    return this.#tags.get(chart);
  }

  chartNames(): readonly string[] {
    return [];
  }

  peek(chart: string, version: string): FoundChart | undefined {
    const layer = this.#layers.get(`${chart} ${version}`);
    return layer === undefined ? undefined : this.#cache.peek(layer);
  }

  fetch(chart: string, version: string): Promise<FoundChart> {
    return this.#fetching.run(`${chart} ${version}`, () => this.#fetch(chart, version));
  }

  close(): void {
    this.#registry.close();
  }

  async #fetch(chart: string, version: string): Promise<FoundChart> {
    const layer = this.#layers.get(`${chart} ${version}`) ?? (await this.#layerOf(chart, version));
    const cached = await this.#cache.get(layer);
    if (cached !== undefined) return cached;
    const { body } = await this.#registry.get(this.#repository(chart), `blobs/sha256:${layer}`, {
      maxBytes: maxChartBytes,
    });
    return this.#cache.put(body, layer, `oci://${this.#host}/${this.#repository(chart)}:${version}`);
  }

  #repository(chart: string): string {
    if (!/^[a-z0-9]+([._/-]+[a-z0-9]+)*$/.test(chart)) {
      throw new ChartError("ChartNotFound", `"${chart}" cannot be the name of a chart in an OCI registry`, false);
    }
    return this.#path === "" ? chart : `${this.#path}/${chart}`;
  }

  async #listTags(chart: string): Promise<readonly string[]> {
    const repository = this.#repository(chart);
    const tags: string[] = [];
    let next: string | undefined = "tags/list?n=1000";
    for (let page = 0; next !== undefined && page < maxTagPages; page++) {
      const { status, headers, body } = await this.#registry.get(repository, next, {
        maxBytes: 4 * 1024 * 1024,
        accept: [404],
      });
      if (status === 404) break;
      for (const tag of readTags(body)) tags.push(tag.replaceAll("_", "+"));
      const last = /<[^>]*[?&]last=([^&>]+)[^>]*>;\s*rel="?next"?/.exec(String(headers.link ?? ""))?.[1];
      next = last === undefined ? undefined : `tags/list?n=1000&last=${last}`;
    }
    this.#tags.set(chart, tags);
    return tags;
  }

  /** The digest of the packed chart, sha256 hex. */
  async #layerOf(chart: string, version: string): Promise<string> {
    const repository = this.#repository(chart);
    const where = `oci://${this.#host}/${repository}:${version}`;
    const { body, headers } = await this.#registry.get(repository, `manifests/${version.replaceAll("+", "_")}`, {
      maxBytes: maxManifestBytes,
      headers: { accept: manifestType },
    });
    const promised = headers["docker-content-digest"];
    const digest = createHash("sha256").update(body).digest("hex");
    if (typeof promised === "string" && promised.startsWith("sha256:") && promised !== `sha256:${digest}`) {
      throw new ChartError(
        "DigestMismatch",
        `${where}: its manifest is sha256:${digest}, ${promised} is promised`,
        true,
      );
    }
    const layer = layerDigest(body);
    if (layer === undefined) throw new ChartError("InvalidChart", `${where} is not a helm chart`, false);
    this.#layers.set(`${chart} ${version}`, layer);
    return layer;
  }
}

function readTags(body: Buffer): string[] {
  try {
    const { tags } = JSON.parse(body.toString("utf8")) as { tags?: unknown };
    return Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [];
  } catch {
    throw new ChartError("FetchFailed", "the registry's list of tags is not JSON", true);
  }
}

function layerDigest(body: Buffer): string | undefined {
  try {
    const { layers } = JSON.parse(body.toString("utf8")) as { layers?: { mediaType?: string; digest?: string }[] };
    const layer = layers?.find(({ mediaType }) => mediaType === chartLayerType || mediaType === legacyChartLayerType);
    return /^sha256:([0-9a-f]{64})$/.exec(layer?.digest ?? "")?.[1];
  } catch {
    return undefined;
  }
}
