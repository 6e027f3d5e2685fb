import type { Client, Clock, EventRecorder, Informer, Logger } from "@podwright/client";
import type { ChartSource } from "../charts/chart-source.ts";
import type { Helm } from "../helm/helm.ts";
import type { Pack } from "../pack.ts";
import type { ReleaseIndex } from "../release/release-index.ts";
import type { ActingClients } from "./acting-clients.ts";
import type { DesiredState } from "./desired.ts";
import type { Slots } from "./slots.ts";

/** What reconciling Packs needs. */
export interface PackTools {
  client: Client;
  clock: Clock;
  logger: Logger;
  recorder: EventRecorder;
  packs: Informer<Pack>;
  /** For what is done with a Pack's rights. */
  acting: ActingClients;
  charts: ChartSource;
  helm: Helm;
  releases: ReleaseIndex;
  desired: DesiredState;
  slots: Slots;
  /** The first wait after a failed attempt; doubles. Default 5 s. */
  retryDelayMs: number;
  /** Told about what a helm under way waits for, after so long. Default 1500. */
  progressAfterMs: number;
}
