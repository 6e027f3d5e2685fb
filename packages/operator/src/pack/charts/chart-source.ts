import type { JsonObject } from "@podwright/kube";
import type { Pack } from "../pack.ts";

/** A chart of one version, on this machine. */
export interface ResolvedChart {
  name: string;
  version: string;
  appVersion?: string;
  /** sha256, hex: of the .tgz, or of a folder's content. */
  digest: string;
  /** The .tgz or the folder, for helm. It stays while it is the newest use of the cache. */
  path: string;
  /** values.schema.json. */
  valuesSchema?: JsonObject;
  /** values.yaml. */
  defaultValues: JsonObject;
  repository: { kind: string; name: string; namespace?: string; url: string };
}

/** Why a chart cannot be had. */
export class ChartError extends Error {
  /** A word for a condition: "RepositoryNotFound", "ChartNotFound", "VersionNotFound", "FetchFailed", … */
  readonly reason: string;
  /** Whether it may go away without a change of Pack or repository. */
  readonly retry: boolean;

  constructor(reason: string, message: string, retry: boolean) {
    super(message);
    this.name = "ChartError";
    this.reason = reason;
    this.retry = retry;
  }
}

/** Finds charts for Packs in their repositories. */
export interface ChartSource {
  /**
   * The newest version in the Pack's range: from the cache without network while the repository's index is fresh.
   * Throws {@link ChartError}.
   */
  resolve(pack: Pack): Promise<ResolvedChart>;
  /** Of what is in memory already, without network or files being read; undefined where that is not enough. */
  cached(pack: Pack): Promise<ResolvedChart | undefined>;
  /** The key of the repository a Pack takes its chart from, as `onChange` tells it; undefined without a default one. */
  repositoryOf(pack: Pack): string | undefined;
  /** Told when a repository's charts, or what leads to them, changed. "KIND/NAMESPACE/NAME", the namespace "" for cluster ones. */
  onChange(handler: (repositoryKey: string) => void): () => void;
}
