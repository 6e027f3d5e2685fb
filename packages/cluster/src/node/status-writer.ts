import { isDeepStrictEqual } from "node:util";
import { type Client, type Clock, type Logger, objectKey, pods, WorkQueue } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import { isLostRace, isNotFound } from "../controllers/controller.ts";
import type { Pod, PodStatus } from "../kinds.ts";
import type { PodWorker } from "./pod-worker.ts";

/** Statuses on their way at once. */
const concurrency = 32;

/**
 * Writes the statuses of pods, each as it is when its turn comes, and deletes the objects of those that are over
 * (k8s.io/kubernetes/pkg/kubelet/status/status_manager.go).
 */
export class StatusWriter {
  readonly #queue: WorkQueue;
  readonly #workers = new Map<string, PodWorker>();
  /** What each pod's status was last written as: JSON, which is small to keep. */
  readonly #written = new WeakMap<PodWorker, { uid: string; text: string }>();
  readonly #deleted = new WeakSet<PodWorker>();
  readonly #client: Client;
  readonly #logger: Logger;

  constructor(client: Client, clock: Clock, logger: Logger) {
    this.#client = client;
    this.#logger = logger;
    this.#queue = new WorkQueue({
      reconcile: (key) => this.#write(key),
      concurrency,
      clock,
      maxBackoffMs: 10_000,
      onError: (key, error) => {
        if (isLostRace(error)) return;
        const fields = { pod: key, error: messageOf(error) };
        this.#logger.warn("writing a pod's status failed, it will be tried again", fields);
      },
    });
  }

  start(): void {
    this.#queue.start();
  }

  async stop(): Promise<void> {
    await this.#queue.stop();
    this.#workers.clear();
  }

  /** Looks at the worker's status soon. */
  add(worker: PodWorker): void {
    const key = `${objectKey(worker.pod)}/${worker.uid}`;
    this.#workers.set(key, worker);
    this.#queue.add(key);
  }

  async #write(key: string): Promise<void> {
    const worker = this.#workers.get(key);
    if (worker === undefined || this.#deleted.has(worker)) return;
    // Put in again when it changes meanwhile.
    this.#workers.delete(key);
    try {
      await this.#writeStatus(worker);
      await this.#deleteWhenOver(worker);
    } catch (error) {
      if (isNotFound(error)) return;
      this.#workers.set(key, worker);
      throw error;
    }
  }

  async #writeStatus(worker: PodWorker): Promise<void> {
    const status = worker.status();
    const pod = worker.apiPod;
    if (status === undefined || pod === undefined) return;
    const { name = "", namespace, uid = "" } = pod.metadata;
    const text = JSON.stringify(status);
    const last = this.#written.get(worker);
    // The mirror of a static pod may be a new one.
    const written = last?.uid === uid ? last.text : undefined;
    if (written === text) return;
    const changes = written === undefined ? changesOf(pod, status) : changesSince(written, status);
    if (changes !== undefined) {
      const patch = { metadata: { uid }, status: { ...changes, ...wholeLists(changes) } };
      await this.#client.resource(pods).patch(name, namespace, patch, { type: "strategic", subresource: "status" });
    }
    this.#written.set(worker, { uid, text });
  }

  async #deleteWhenOver(worker: PodWorker): Promise<void> {
    const { name = "", namespace, uid, deletionTimestamp } = worker.pod.metadata;
    if (!worker.isOver || deletionTimestamp === undefined) return;
    this.#deleted.add(worker);
    try {
      await this.#client.resource(pods).delete(name, namespace, {
        gracePeriodSeconds: 0,
        preconditions: uid === undefined ? {} : { uid },
      });
    } catch (error) {
      if (!isLostRace(error)) this.#deleted.delete(worker);
      throw error;
    }
  }
}

/** What of the status differs from what the pod has; undefined when nothing does: a restart writes nothing. */
function changesOf(pod: Pod, status: PodStatus): Partial<PodStatus> | undefined {
  return difference((pod.status ?? {}) as Record<string, unknown>, status, (field, before, after) => {
    if (field !== "conditions") return isDeepStrictEqual(before, after);
    const mine = (after ?? []) as { type: string }[];
    const theirs = (before ?? []) as { type: string }[];
    return mine.every((condition) =>
      theirs.some((other) => isDeepStrictEqual(withoutProbeTime(other), withoutProbeTime(condition))),
    );
  });
}

function withoutProbeTime(condition: object): object {
  const { lastProbeTime: _unused, ...rest } = condition as { lastProbeTime?: unknown };
  return rest;
}

/** Conditions are merged by type, and addresses by themselves: what they say no more has to be taken away. */
function wholeLists({ conditions, podIPs }: Partial<PodStatus>): object {
  return {
    ...(conditions && {
      conditions: conditions.map((condition) => ({ reason: null, message: null, ...condition })),
    }),
    ...(podIPs && { podIPs: [...podIPs, { $patch: "replace" }] }),
  };
}

function changesSince(written: string, status: PodStatus): Partial<PodStatus> | undefined {
  return difference(JSON.parse(written) as Record<string, unknown>, status, (_field, before, after) =>
    isDeepStrictEqual(before, after),
  );
}

function difference(
  before: Record<string, unknown>,
  status: PodStatus,
  same: (field: string, before: unknown, after: unknown) => boolean,
): Partial<PodStatus> | undefined {
  const changes: Record<string, unknown> = {};
  for (const [field, after] of Object.entries(status)) {
    if (!same(field, before[field], after)) changes[field] = after;
  }
  for (const field of ["reason", "message"]) {
    if (before[field] !== undefined && !(field in status)) changes[field] = null;
  }
  return Object.keys(changes).length > 0 ? (changes as Partial<PodStatus>) : undefined;
}
