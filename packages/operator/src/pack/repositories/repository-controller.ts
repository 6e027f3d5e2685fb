import {
  type Client,
  type Clock,
  clusterPackRepositories,
  type Logger,
  packRepositories,
  type ReconcileResult,
  WorkQueue,
} from "@podwright/client";
import { formatTime, isCode, type JsonObject, jsonEqual } from "@podwright/kube";
import { type ConditionFacts, conditionOf } from "../../conditions.ts";
import { ChartError } from "../charts/chart-source.ts";
import { type RepositoryStatus, requestedAtKey } from "../pack.ts";
import { type Backends, intervalOf, type OpenRepository } from "./backends.ts";
import type { RepositoryObject, RepositoryObjects } from "./repository-objects.ts";

/** Repositories that are fetched at the same time. */
const concurrency = 4;

export interface RepositoryControllerOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  objects: RepositoryObjects;
  backends: Backends;
}

/** Fetches repositories when they change and at their interval, and writes their status. Works while it leads. */
export class RepositoryController {
  readonly #options: RepositoryControllerOptions;
  /** Those whose last look failed for want of a Secret or its content, by key, with the Secret. */
  readonly #waiting = new Map<string, string>();
  /** What was asked for by annotation and is done. */
  readonly #requested = new Map<string, string | undefined>();
  #queue: WorkQueue | undefined;

  constructor(options: RepositoryControllerOptions) {
    this.#options = options;
  }

  enqueue(key: string): void {
    this.#queue?.add(key);
  }

  secretChanged(namespace: string, name: string): void {
    for (const [key, secret] of this.#waiting) if (secret === `${namespace}/${name}`) this.enqueue(key);
  }

  async lead(): Promise<{ stop(): Promise<void> }> {
    const { clock, logger, objects } = this.#options;
    const queue = new WorkQueue({
      reconcile: (key) => this.#reconcile(key),
      concurrency,
      minBackoffMs: 1000,
      maxBackoffMs: 5 * 60_000,
      clock,
      onError: (repository, error, failures) =>
        logger.warn("a repository cannot be read", { repository, failures, error: (error as Error).message }),
    });
    this.#queue = queue;
    const end = objects.onChange((key, _object, old) => {
      if (old === undefined) queue.add(key);
    });
    queue.start();
    return {
      stop: async () => {
        end();
        this.#queue = undefined;
        await queue.stop();
      },
    };
  }

  async #reconcile(key: string): Promise<ReconcileResult> {
    const { backends, clock, objects } = this.#options;
    const object = objects.get(key);
    if (object === undefined) {
      this.#waiting.delete(key);
      this.#requested.delete(key);
      return undefined;
    }
    if (object.spec.suspend === true) return undefined;

    const intervalMs = intervalOf(object);
    const requested = object.metadata.annotations?.[requestedAtKey];
    const before = backends.peek(key);
    const age = before?.fetchedAt === undefined ? Number.POSITIVE_INFINITY : clock.now() - before.fetchedAt;
    const asked = this.#requested.has(key) && this.#requested.get(key) !== requested;
    const current = object.status?.observedGeneration === object.metadata.generation && isReady(object);
    if (current && age < intervalMs && !asked) return { requeueAfterMs: intervalMs - age };
    try {
      const open = age < intervalMs && !asked && before !== undefined ? before : await backends.refresh(key, object);
      this.#waiting.delete(key);
      this.#requested.set(key, requested);
      await this.#writeStatus(object, open, undefined);
      return { requeueAfterMs: intervalMs };
    } catch (error) {
      if (!(error instanceof ChartError)) throw error;
      const { secretRef } = object.spec;
      const namespace = object.metadata.namespace ?? secretRef?.namespace;
      if (secretRef !== undefined) this.#waiting.set(key, `${namespace}/${secretRef.name}`);
      await this.#writeStatus(object, backends.peek(key), error);
      // Nothing is won by trying again soon what only a change mends.
      if (!error.retry) return { requeueAfterMs: intervalMs };
      throw error;
    }
  }

  async #writeStatus(object: RepositoryObject, open: OpenRepository | undefined, error: ChartError | undefined) {
    const { client, clock } = this.#options;
    const { generation } = object.metadata;
    const before = object.status?.conditions ?? [];
    const lastFetch = open?.fetchedAt === undefined ? undefined : formatTime(open.fetchedAt);
    const facts: ConditionFacts = {
      type: "Ready",
      status: error === undefined ? "True" : "False",
      reason: error?.reason ?? "Fetched",
      message: error === undefined ? fetchedMessage(open) : failedMessage(error, lastFetch),
    };
    const ready = conditionOf(facts, before, generation, clock.now());
    const next = {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      conditions: [...before.filter(({ type }) => type !== "Ready"), ready],
      charts: open?.snapshot?.charts ?? null,
      digest: open?.snapshot?.digest ?? null,
      type: open?.backend.type ?? null,
      ...(lastFetch === undefined ? {} : { lastFetch }),
    };
    if (unchanged(object.status, next as unknown as JsonObject)) return;
    const resource = client.resource(
      object.metadata.namespace === undefined ? clusterPackRepositories : packRepositories,
    );
    try {
      await resource.patch(
        object.metadata.name as string,
        object.metadata.namespace,
        { status: next },
        {
          type: "merge",
          subresource: "status",
        },
      );
    } catch (failure) {
      // Deleted meanwhile.
      if (!isCode(failure, 404)) throw failure;
    }
  }
}

function isReady({ status }: RepositoryObject): boolean {
  return status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

function unchanged(status: RepositoryStatus | undefined, next: JsonObject): boolean {
  const current = (status ?? {}) as unknown as JsonObject;
  return Object.entries(next).every(([key, value]) => jsonEqual(current[key] ?? null, value ?? null));
}

function fetchedMessage(open: OpenRepository | undefined): string {
  const charts = open?.snapshot?.charts;
  if (charts === undefined) return "the registry answers";
  return charts === 1 ? "1 chart" : `${charts} charts`;
}

function failedMessage(error: ChartError, lastFetch: string | undefined): string {
  return lastFetch === undefined ? error.message : `${error.message}; what was there at ${lastFetch} stays in use`;
}
