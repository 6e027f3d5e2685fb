import { type Clock, systemClock, type Timer } from "@podwright/clock";

// biome-ignore lint/suspicious/noConfusingVoidType: a reconcile that returns nothing is the usual one.
export type ReconcileResult = void | { requeueAfterMs: number };

export interface WorkQueueOptions {
  /** Brings the world to what is wanted for a key. A rejection runs it again later. */
  reconcile: (key: string) => Promise<ReconcileResult>;
  /** Keys worked on at the same time. Default 1. */
  concurrency?: number;
  /** The first wait after a failure; doubles with each further one. Default 5 ms. */
  minBackoffMs?: number;
  /** The longest wait after failures. Default 5 min. */
  maxBackoffMs?: number;
  /** Told of each failure; `failures` counts those in a row. */
  onError?: (key: string, error: unknown, failures: number) => void;
  clock?: Clock;
  /** In [0, 1). */
  random?: () => number;
}

/**
 * Works through keys: a key added many times before its turn runs once; a key never runs twice at once; one added
 * while it runs, runs again. Failures are tried again with exponential waits and jitter.
 * Behaviour: k8s.io/client-go/util/workqueue/{queue,delaying_queue,default_rate_limiters}.go.
 */
export class WorkQueue {
  readonly #reconcile: WorkQueueOptions["reconcile"];
  readonly #concurrency: number;
  readonly #minBackoffMs: number;
  readonly #maxBackoffMs: number;
  readonly #onError: NonNullable<WorkQueueOptions["onError"]>;
  readonly #clock: Clock;
  readonly #random: () => number;
  // The keys whose turn comes, in order: an array with a moving head, and the same as a set.
  #ready: string[] = [];
  #head = 0;
  readonly #queued = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #delayed = new Map<string, { dueAt: number; timer: Timer }>();
  readonly #failures = new Map<string, number>();
  #started = false;
  #stopped = false;
  #scheduled: NodeJS.Immediate | undefined;

  constructor(options: WorkQueueOptions) {
    this.#reconcile = options.reconcile;
    this.#concurrency = options.concurrency ?? 1;
    this.#minBackoffMs = options.minBackoffMs ?? 5;
    this.#maxBackoffMs = options.maxBackoffMs ?? 5 * 60_000;
    this.#onError = options.onError ?? (() => {});
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  /** Keys whose turn has not come; those that wait for a time are not among them. */
  get depth(): number {
    return this.#queued.size;
  }

  /** Whether there is nothing to do now: waits for a time do not count. */
  get idle(): boolean {
    return this.#queued.size === 0 && this.#running.size === 0;
  }

  /** As soon as possible. Before `start` keys are only collected; after `stop` they are dropped. */
  add(key: string): void {
    if (this.#stopped || this.#queued.has(key)) return;
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#queued.add(key);
    this.#ready.push(key);
    this.#schedule();
  }

  /** After a time; of several waits for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#stopped) return;
    if (!(delayMs > 0)) {
      this.add(key);
      return;
    }
    const dueAt = this.#clock.now() + delayMs;
    const waiting = this.#delayed.get(key);
    if (waiting !== undefined) {
      if (waiting.dueAt <= dueAt) return;
      waiting.timer.cancel();
    }
    const fire = () => {
      this.#delayed.delete(key);
      this.add(key);
    };
    this.#delayed.set(key, { dueAt, timer: this.#clock.after(delayMs, fire, { background: true }) });
  }

  start(): void {
    this.#started = true;
    this.#schedule();
  }

  /** Starts nothing more; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#queued.clear();
    this.#ready = [];
    this.#head = 0;
    this.#again.clear();
    await Promise.all(this.#running.values());
  }

  // By setImmediate, not at once: reconciles against an API server in this process may never wait for I/O, and would
  // keep timers and sockets from their turn.
  #schedule(): void {
    if (!this.#started || this.#stopped || this.#scheduled !== undefined) return;
    if (this.#queued.size === 0 || this.#running.size >= this.#concurrency) return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined;
      while (this.#queued.size > 0 && this.#running.size < this.#concurrency) {
        const key = this.#next();
        this.#running.set(key, this.#run(key));
      }
    });
  }

  #next(): string {
    const key = this.#ready[this.#head++]!;
    if (this.#head > 1024 && this.#head * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#head);
      this.#head = 0;
    }
    this.#queued.delete(key);
    return key;
  }

  async #run(key: string): Promise<void> {
    // Gives #schedule the time to note that the key runs.
    await undefined;
    try {
      const result = await this.#reconcile(key);
      this.#failures.delete(key);
      if (result) this.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      this.#onError(key, error, failures);
      const ceilingMs = Math.min(this.#maxBackoffMs, this.#minBackoffMs * 2 ** Math.min(failures - 1, 30));
      this.addAfter(key, ceilingMs * (0.5 + this.#random() / 2));
    } finally {
      this.#running.delete(key);
      if (this.#again.delete(key)) this.add(key);
      this.#schedule();
    }
  }
}
