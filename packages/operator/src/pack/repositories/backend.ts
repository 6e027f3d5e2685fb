import type { ChartContent } from "../charts/chart-content.ts";

/** A chart as a backend gives it. */
export interface FoundChart {
  /** sha256, hex. */
  digest: string;
  path: string;
  content: ChartContent;
}

/** What a look at a repository told. */
export interface Snapshot {
  /** Whether there are other charts than before, as far as one can tell. */
  changed: boolean;
  charts?: number;
  /** sha256, hex, of the index. */
  digest?: string;
}

/** One repository of charts, of whatever protocol. All methods throw ChartError. */
export interface Backend {
  type: "http" | "oci" | "folder";
  /** Looks what is there now. */
  refresh(): Promise<Snapshot>;
  /** The versions of a chart as of the last look; [] when there is no such chart. */
  versions(chart: string): Promise<readonly string[]>;
  /** Names of charts, to help who mistyped one; none where they cannot be listed. */
  chartNames(): readonly string[];
  fetch(chart: string, version: string): Promise<FoundChart>;
  /** What `fetch` would give, where that takes neither network nor files. */
  peek(chart: string, version: string): FoundChart | undefined;
  /** `versions` as far as they are known. */
  knownVersions(chart: string): readonly string[] | undefined;
  close(): void;
  /** Closes it and removes what it keeps on disk but for charts. */
  forget?(): Promise<void>;
}
