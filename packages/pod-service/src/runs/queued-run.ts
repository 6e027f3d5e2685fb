import type { KubeObject } from "@podwright/kube";
import type { Problem } from "../problem.ts";
import type { TenantLimits } from "../tenants/tenant.ts";

/** A run that is to be created. */
export interface QueuedRun {
  /** Its place in line, rising; kept over restarts. */
  sequence: number;
  tenant: string;
  name: string;
  /** When the service took the request, ms since 1970. */
  at: number;
  object: KubeObject;
  /** The tenant's limits when it was asked for: they hold after a restart too. */
  limits: TenantLimits;
  /** It may be asked for again, or is promised: an attempt to create it is written down before it is made. */
  once?: boolean;
  /** An attempt was begun. */
  tried?: boolean;
}

/** How an attempt to create one went. */
export type Attempt =
  | { result: "created"; object: KubeObject }
  | { result: "refused"; problem: Problem }
  /** The tenant's quota is used up: later. */
  | { result: "full"; message: string }
  /** Nobody knows whether it was created: the same again, later. */
  | { result: "unavailable"; problem: Problem };

/** Why a run waits. */
export type Waiting = "turn" | "limit" | "quota" | "cluster";

/** Follows one run through the queue. */
export interface Ticket {
  readonly item: QueuedRun;
  /** Resolves with what became of it. */
  readonly done: Promise<{ object: KubeObject } | { problem: Problem } | { cancelled: true }>;
  /** Resolves as soon as it waits for something that may take long, with the reason. */
  readonly delayed: Promise<Waiting>;
  /** Why it waits now; undefined while it is being created, and after. */
  waiting: Waiting | undefined;
}
