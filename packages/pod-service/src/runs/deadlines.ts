import { type Client, type Clock, jobs, type Logger, pods, WorkQueue } from "@podwright/client";
import { isCode } from "@podwright/kube/status";
import type { DeletionReasons } from "./history.ts";
import type { LiveRun, LiveRuns } from "./live-runs.ts";
import { idleAnnotation, lifetimeAnnotation, ttlAnnotation } from "./names.ts";
import { isFinished } from "./run.ts";

/** The cluster ends a run at its deadline by itself; what is still there after so long is deleted. */
const lifetimeGraceMs = 30_000;

interface Due {
  at: number;
  reason: string;
  message: string;
}

export interface DeadlinesOptions {
  live: LiveRuns;
  client: Client;
  clock: Clock;
  logger: Logger;
  reasons: DeletionReasons;
  /** Whether somebody follows a run now. */
  isWatched: (tenant: string, name: string) => boolean;
}

/** Deletes runs whose time is over: finished for long enough, at work for too long, or asked about by nobody. */
export class Deadlines {
  readonly #options: DeadlinesOptions;
  readonly #timers = new Map<string, { cancel(): void }>();
  readonly #touched = new Map<string, number>();
  readonly #deletions: WorkQueue;
  readonly #due = new Map<string, { run: LiveRun; due: Due }>();

  constructor(options: DeadlinesOptions) {
    this.#options = options;
    this.#deletions = new WorkQueue({
      reconcile: (key) => this.#delete(key),
      concurrency: 8,
      minBackoffMs: 500,
      maxBackoffMs: 60_000,
      clock: options.clock,
      onError: (key, error) => options.logger.warn("a run could not be deleted", { run: key, error: String(error) }),
    });
    options.live.onChange((now, before) => {
      const run = now ?? before;
      if (run !== undefined) this.#set(run, now !== undefined);
    });
  }

  start(): void {
    this.#deletions.start();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await this.#deletions.stop();
  }

  /** Somebody asked about a run: it is not idle. */
  touch(run: LiveRun): void {
    if (run.object.metadata.annotations?.[idleAnnotation] === undefined) return;
    this.#touched.set(keyOf(run), this.#options.clock.now());
  }

  #set(run: LiveRun, exists: boolean): void {
    const key = keyOf(run);
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    if (!exists) {
      this.#touched.delete(key);
      this.#due.delete(key);
      return;
    }
    const due = this.#dueOf(run);
    if (due === undefined || run.object.metadata.deletionTimestamp !== undefined) return;
    const waitMs = Math.max(0, due.at - this.#options.clock.now());
    this.#timers.set(
      key,
      this.#options.clock.after(waitMs, () => this.#fire(run), { background: true }),
    );
  }

  #fire(run: LiveRun): void {
    const { clock, isWatched } = this.#options;
    if (isWatched(run.tenant, run.name)) this.touch(run);
    const due = this.#dueOf(run);
    // Asked about meanwhile, or longer than a timer can wait.
    if (due === undefined || due.at > clock.now()) {
      this.#set(run, true);
      return;
    }
    this.#due.set(keyOf(run), { run, due });
    this.#deletions.add(keyOf(run));
  }

  #dueOf(run: LiveRun): Due | undefined {
    const annotations = run.object.metadata.annotations ?? {};
    const after = (from: number, name: string): number => from + Number(annotations[name]) * 1000;
    if (isFinished(run.run.phase)) {
      if (annotations[ttlAnnotation] === undefined) return undefined;
      const finishedAt = Date.parse(run.run.finishedAt ?? "") || this.#options.clock.now();
      return { at: after(finishedAt, ttlAnnotation), reason: "TTL", message: "its time after the end is over" };
    }
    const dues: Due[] = [];
    if (annotations[lifetimeAnnotation] !== undefined) {
      const createdAt = Date.parse(run.object.metadata.creationTimestamp ?? "") || run.at;
      const at = after(createdAt, lifetimeAnnotation) + lifetimeGraceMs;
      dues.push({ at, reason: "MaxLifetime", message: "it took longer than runs of this tenant may" });
    }
    if (annotations[idleAnnotation] !== undefined) {
      const key = keyOf(run);
      const touched = this.#touched.get(key) ?? this.#options.clock.now();
      this.#touched.set(key, touched);
      dues.push({ at: after(touched, idleAnnotation), reason: "Idle", message: "nobody asked about it for too long" });
    }
    return dues.sort((a, b) => a.at - b.at)[0];
  }

  async #delete(key: string): Promise<void> {
    const entry = this.#due.get(key);
    if (entry === undefined) return;
    const { client, reasons } = this.#options;
    const { object, name, run } = entry.run;
    const uid = object.metadata.uid as string;
    if (!isFinished(run.phase)) reasons.set(uid, entry.due);
    try {
      await client.resource(object.kind === "Job" ? jobs : pods).delete(name, run.namespace, {
        preconditions: { uid },
        propagationPolicy: "Background",
      });
    } catch (error) {
      // Gone, or another one by now.
      if (!isCode(error, 404, 409)) throw error;
    }
    this.#due.delete(key);
  }
}

function keyOf({ tenant, name }: { tenant: string; name: string }): string {
  return `${tenant}\n${name}`;
}
