import type { KubeObject } from "@podwright/kube";
import type { VolumeRequest } from "../templates/volumes.ts";
import type { LiveRun } from "./live-runs.ts";
import type { Ticket } from "./queued-run.ts";
import type { Run } from "./run.ts";

/** What a tenant asks for. */
export interface RunRequest {
  template?: string;
  cmd?: string;
  params?: unknown;
  vols: readonly VolumeRequest[];
}

/** What became of it. */
export interface CreatedRun {
  /** created: the API server has accepted it. queued: it will be created, and its place is on disk. */
  state: "created" | "queued";
  object: KubeObject;
  run: Run;
  /** The request was made before: nothing new came of it. */
  replayed: boolean;
}

/** A run as it can be found: in the cluster, in line, or in the history. */
export type FoundRun =
  | { in: "cluster"; live: LiveRun; run: Run }
  | { in: "queue"; ticket: Ticket; run: Run }
  | { in: "history"; run: Run };
