import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { type Client, type Clock, secrets } from "@podwright/client";
import { isCode, type KubeObject } from "@podwright/kube";
import type { ChartCache } from "../charts/chart-cache.ts";
import { ChartError } from "../charts/chart-source.ts";
import { parseDurationMs } from "../duration.ts";
import type { Backend, Snapshot } from "./backend.ts";
import type { Credentials } from "./download.ts";
import { FolderRepository } from "./folder-repository.ts";
import { HttpRepository } from "./http-repository.ts";
import { OciRepository } from "./oci-repository.ts";
import type { RepositoryObject } from "./repository-objects.ts";
import { credentialsOf } from "./repository-secret.ts";
import { parseRepositoryUrl } from "./repository-url.ts";
import { SharedCalls } from "./shared-calls.ts";

/** Defaults and bounds of spec.interval and spec.timeout. */
const defaultIntervalMs = 10 * 60_000;
const defaultTimeoutMs = 60_000;
/** A repository that failed is left alone so long, whatever number of Packs ask. */
const failureHoldMs = 5_000;
/** A folder is cheap to look at. */
const folderIntervalMs = 1_000;

export interface BackendsOptions {
  client: Client;
  clock: Clock;
  cache: ChartCache;
  cacheDir: string;
  /** The folders that file:// repositories may be in; without them any, for cluster-scoped ones alone. */
  chartFolders?: readonly string[] | undefined;
}

/** An open repository. */
export interface OpenRepository {
  backend: Backend;
  /** Of the last success, milliseconds; undefined before. */
  fetchedAt?: number;
  snapshot?: Snapshot;
  failure?: { error: ChartError; at: number };
}

interface Entry extends OpenRepository {
  /** Of the spec it was opened for. */
  uid: string;
  generation: number | undefined;
  /** "NAMESPACE/NAME" of its Secret. */
  secret?: string;
  refreshing?: Promise<void> | undefined;
}

/** Opens repositories and keeps them open; looks again when their time has come. */
export class Backends {
  readonly #options: BackendsOptions;
  readonly #open = new Map<string, Entry>();
  readonly #opening = new SharedCalls<Entry>();
  readonly #onChange: (key: string) => void;

  /** @param onChange told when the charts of a repository changed, or it can be read again */
  constructor(options: BackendsOptions, onChange: (key: string) => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  /** As it is open now, fresh or not. */
  peek(key: string): OpenRepository | undefined {
    return this.#open.get(key);
  }

  /**
   * The repository, looked at within its interval. One that cannot be reached is given as of its last look.
   * Throws ChartError when there was none.
   */
  async fresh(key: string, object: RepositoryObject): Promise<OpenRepository> {
    const entry = await this.#entry(key, object);
    const now = this.#options.clock.now();
    const intervalMs = entry.backend.type === "folder" ? folderIntervalMs : intervalOf(object);
    const due = entry.fetchedAt === undefined || now - entry.fetchedAt >= intervalMs;
    const usable = entry.fetchedAt !== undefined || entry.backend.chartNames().length > 0;
    const held = entry.failure !== undefined && now - entry.failure.at < failureHoldMs;
    if (due && !held && !(object.spec.suspend === true && usable)) await this.refresh(key, object).catch(() => {});
    if (entry.failure !== undefined && entry.fetchedAt === undefined && entry.backend.chartNames().length === 0) {
      throw entry.failure.error;
    }
    return entry;
  }

  /** Looks at it now, or waits for the look that is under way. Throws ChartError. */
  async refresh(key: string, object: RepositoryObject): Promise<OpenRepository> {
    const entry = await this.#entry(key, object);
    entry.refreshing ??= this.#refresh(key, entry).finally(() => {
      entry.refreshing = undefined;
    });
    await entry.refreshing;
    return entry;
  }

  /** Closes it: it changed or is gone. */
  drop(key: string): void {
    this.#open.get(key)?.backend.close();
    this.#open.delete(key);
  }

  /** Closes it for good. */
  async forget(key: string): Promise<void> {
    const backend = this.#open.get(key)?.backend;
    this.drop(key);
    await backend?.forget?.();
  }

  /** Closes those that use a Secret and gives their keys. */
  dropBySecret(secret: string): string[] {
    const keys = [...this.#open].filter(([, entry]) => entry.secret === secret).map(([key]) => key);
    for (const key of keys) this.drop(key);
    return keys;
  }

  close(): void {
    for (const key of [...this.#open.keys()]) this.drop(key);
  }

  async #refresh(key: string, entry: Entry): Promise<void> {
    const { clock } = this.#options;
    const failed = entry.failure !== undefined;
    const first = entry.fetchedAt === undefined;
    try {
      entry.snapshot = await entry.backend.refresh();
      entry.fetchedAt = clock.now();
      delete entry.failure;
    } catch (error) {
      const chartError =
        error instanceof ChartError ? error : new ChartError("FetchFailed", (error as Error).message, true);
      entry.failure = { error: chartError, at: clock.now() };
      throw chartError;
    }
    if ((entry.snapshot.changed && !first) || failed) this.#onChange(key);
  }

  async #entry(key: string, object: RepositoryObject): Promise<Entry> {
    const { uid = "", generation } = object.metadata;
    const known = this.#open.get(key);
    if (known !== undefined && known.uid === uid && known.generation === generation) return known;
    const openingKey = `${key} ${uid} ${generation}`;
    return this.#opening.run(openingKey, async () => {
      const entry = await this.#make(key, object);
      this.drop(key);
      this.#open.set(key, entry);
      return entry;
    });
  }

  async #make(key: string, object: RepositoryObject): Promise<Entry> {
    const { uid = "", generation } = object.metadata;
    const { url, insecure = false, passCredentials = false } = object.spec;
    const { cache, cacheDir } = this.#options;
    const location = locate(url);
    if (location.type === "folder") {
      const folder = await this.#allowed(location.folder, object);
      return { backend: new FolderRepository(folder), uid, generation };
    }
    const { credentials, secret } = await this.#credentials(object, location.type === "oci" ? hostOf(url) : undefined);
    const timeoutMs = parseDurationMs(object.spec.timeout ?? "") || defaultTimeoutMs;
    const backend =
      location.type === "oci"
        ? new OciRepository({ url, credentials, insecure, timeoutMs, cache })
        : new HttpRepository({
            url,
            credentials,
            passCredentials,
            timeoutMs,
            cache,
            indexFile: join(cacheDir, "indexes", `${sha256(`${key} ${uid} ${url}`)}.json`),
          });
    return { backend, uid, generation, ...(secret === undefined ? {} : { secret }) };
  }

  async #credentials(
    { metadata, spec, kind }: RepositoryObject,
    host: string | undefined,
  ): Promise<{ credentials: Credentials; secret?: string }> {
    if (spec.secretRef === undefined) return { credentials: {} };
    const namespace = metadata.namespace ?? spec.secretRef.namespace;
    if (namespace === undefined) {
      throw new ChartError("InvalidSecret", `spec.secretRef of the ${kind} names no namespace`, false);
    }
    const { name } = spec.secretRef;
    let secret: KubeObject;
    try {
      secret = await this.#options.client.resource(secrets).get(name, namespace);
    } catch (error) {
      if (!isCode(error, 404)) throw error;
      throw new ChartError(
        "SecretNotFound",
        `there is no Secret ${namespace}/${name}, which spec.secretRef names`,
        true,
      );
    }
    return { credentials: credentialsOf(secret, host), secret: `${namespace}/${name}` };
  }

  async #allowed(folder: string, object: RepositoryObject): Promise<string> {
    const refused = (why: string) => new ChartError("FolderNotAllowed", `the folder ${folder} ${why}`, false);
    const real = await realpath(folder).catch((error: NodeJS.ErrnoException) => {
      throw new ChartError("FetchFailed", `the folder ${folder} cannot be read: ${error.code}`, true);
    });
    const { chartFolders } = this.#options;
    if (chartFolders === undefined) {
      // Who may write in one namespace only must not read the operator's file system.
      if (object.metadata.namespace !== undefined) throw refused("is for ClusterPackRepositories only");
      return real;
    }
    for (const allowed of chartFolders) {
      const root = await realpath(allowed).catch(() => undefined);
      if (root !== undefined && (real === root || real.startsWith(root.endsWith(sep) ? root : root + sep))) return real;
    }
    throw refused("is not among those the operator may read charts from");
  }
}

/** Milliseconds between looks. */
export function intervalOf({ spec }: RepositoryObject): number {
  return Math.max(parseDurationMs(spec.interval ?? "") || defaultIntervalMs, 1000);
}

function locate(url: string) {
  try {
    return parseRepositoryUrl(url);
  } catch (error) {
    throw new ChartError("InvalidURL", `spec.url ${(error as Error).message}`, false);
  }
}

function hostOf(url: string): string {
  return new URL(url.replace(/^oci:/, "https:")).host;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
