import type { Clock } from "@podwright/client";
import { Problem } from "../problem.ts";
import type { TenantLimits } from "../tenants/tenant.ts";
import { type Entry, inLine, insert, type Line, newEntry } from "./line.ts";
import type { Attempt, QueuedRun, Ticket, Waiting } from "./queued-run.ts";

export interface RunQueueOptions {
  create: (item: QueuedRun) => Promise<Attempt>;
  /** Unfinished runs in the cluster: of a tenant, or of all. */
  active: (tenant?: string) => number;
  share: (tenant: string) => TenantLimits;
  maxRuns: number;
  maxQueue: number;
  clock: Clock;
  /** Creates under way at once: of all tenants. Default 32. */
  maxCreating?: number;
}

const firstQuotaRetryMs = 500;
const longestQuotaRetryMs = 15_000;
const firstRetryMs = 100;
const longestRetryMs = 5_000;

/**
 * Runs that wait for their creation: a line per tenant, first come first served within it; between tenants the one
 * with the fewest runs for its share goes first. While the cluster is away the lines stand, one run is tried now and
 * then, and the order is kept. Bounded per tenant and in all.
 */
export class RunQueue {
  readonly #options: RunQueueOptions;
  readonly #lines = new Map<string, Line>();
  #waiting = 0;
  #creating = 0;
  #turn = 0;
  #failures = 0;
  #retry: { cancel(): void } | undefined;
  readonly #quotaTimers = new Set<{ cancel(): void }>();
  #stopped = false;

  constructor(options: RunQueueOptions) {
    this.#options = options;
  }

  /** Runs that wait, of a tenant or of all. */
  depth(tenant?: string): number {
    return tenant === undefined ? this.#waiting : (this.#lines.get(tenant)?.waiting.length ?? 0);
  }

  get clusterAway(): boolean {
    return this.#failures > 0;
  }

  /**
   * Puts a run in line; it is created at once when nothing is in its way. Throws a Problem (queue_full) with the time
   * to come again. With `kept` it was promised before and is taken in any case.
   */
  submit(item: QueuedRun, options: { kept?: boolean } = {}): Ticket {
    const line = this.#lineOf(item.tenant);
    if (options.kept !== true) {
      const { queue } = this.#options.share(item.tenant);
      if (
        this.#mustWait(item.tenant, line) &&
        (inLine(line).length >= queue || this.#waiting >= this.#options.maxQueue)
      ) {
        throw new Problem("queue_full", `the queue is full: ${inLine(line).length} runs of this tenant wait`, {
          retryAfterSeconds: this.clusterAway ? 5 : 2,
        });
      }
    }
    const entry = newEntry(item);
    entry.promised = options.kept === true;
    insert(line.waiting, entry);
    this.#waiting++;
    this.#pump();
    return entry;
  }

  /** The ticket's place is known to others now: nothing overtakes it. */
  promise(ticket: Ticket): void {
    (ticket as Entry).promised = true;
  }

  find(tenant: string, name: string): Ticket | undefined {
    const line = this.#lines.get(tenant);
    if (line === undefined) return undefined;
    for (const entry of line.creating) if (entry.item.name === name) return entry;
    return line.waiting.find((entry) => entry.item.name === name);
  }

  /** From 1; undefined when it does not wait. One that is being tried again still has its place. */
  position(ticket: Ticket): number | undefined {
    const line = this.#lines.get(ticket.item.tenant);
    if (line === undefined) return undefined;
    const at = inLine(line).indexOf(ticket as Entry);
    return at < 0 ? undefined : at + 1;
  }

  /** Those of a tenant that wait or are being created, in their order. */
  list(tenant: string): Ticket[] {
    const line = this.#lines.get(tenant);
    return line === undefined ? [] : [...line.creating, ...line.waiting];
  }

  /** Takes one out of the line. False when it does not wait there (any more). */
  cancel(tenant: string, name: string): boolean {
    const line = this.#lines.get(tenant);
    const at = line?.waiting.findIndex((entry) => entry.item.name === name) ?? -1;
    if (line === undefined || at < 0) return false;
    const [entry] = line.waiting.splice(at, 1);
    this.#waiting--;
    entry?.settle({ cancelled: true });
    this.#forget(tenant, line);
    this.#pump();
    return true;
  }

  /** A run ended or went: there may be room. */
  freed(tenant: string): void {
    const line = this.#lines.get(tenant);
    if (line !== undefined) line.fullUntil = 0;
    this.#pump();
  }

  /** Starts nothing more; what waits stays undecided. */
  stop(): void {
    this.#stopped = true;
    this.#retry?.cancel();
    for (const timer of this.#quotaTimers) timer.cancel();
  }

  /** Resolves when no create is under way. */
  async idle(): Promise<void> {
    const all = [...this.#lines.values()].flatMap((line) => [...line.creating]);
    await Promise.all(all.map((entry) => Promise.race([entry.done, entry.delayed])));
  }

  #pump(): void {
    if (this.#stopped) return;
    if (this.#retry !== undefined) {
      this.#explain();
      return;
    }
    const atOnce = this.clusterAway ? 1 : (this.#options.maxCreating ?? 32);
    while (this.#creating < atOnce) {
      const next = this.#next();
      if (next === undefined) break;
      void this.#create(next);
    }
    this.#explain();
  }

  // The tenant with the fewest runs for its share; of several the one that was served longest ago.
  #next(): Line | undefined {
    if (this.#options.active() + this.#creating >= this.#options.maxRuns) return undefined;
    let best: Line | undefined;
    let bestLoad = Number.POSITIVE_INFINITY;
    for (const [tenant, line] of this.#lines) {
      if (!this.#isReady(tenant, line)) continue;
      const load = (this.#options.active(tenant) + line.creating.size) / this.#options.share(tenant).share;
      if (load < bestLoad || (load === bestLoad && line.servedAt < (best?.servedAt ?? 0)))
        [best, bestLoad] = [line, load];
    }
    return best;
  }

  #isReady(tenant: string, line: Line): boolean {
    const first = line.waiting[0];
    if (first === undefined || this.#blockedBy(tenant, line) !== undefined) return false;
    // A promised place is kept: what stood before it is through first.
    return line.creating.size === 0 || ![first, ...line.creating].some((entry) => entry.promised);
  }

  #blockedBy(tenant: string, line: Line): Waiting | undefined {
    const { runs } = this.#options.share(tenant);
    if (runs !== undefined && this.#options.active(tenant) + line.creating.size >= runs) return "limit";
    if (this.#options.active() + this.#creating >= this.#options.maxRuns) return "limit";
    if (line.fullUntil > this.#options.clock.now()) return "quota";
    return undefined;
  }

  // Whether one more would have to wait for something that may take long.
  #mustWait(tenant: string, line: Line): boolean {
    return (
      this.clusterAway ||
      line.waiting.length >= 1_000 ||
      this.#blockedBy(tenant, line) !== undefined ||
      line.waiting.some((entry) => entry.promised)
    );
  }

  async #create(line: Line): Promise<void> {
    const entry = line.waiting.shift() as Entry;
    const { tenant } = entry.item;
    this.#waiting--;
    this.#creating++;
    line.creating.add(entry);
    line.servedAt = ++this.#turn;
    if (!entry.late) entry.waiting = undefined;
    const attempt = await this.#options.create(entry.item).catch(
      (error: unknown): Attempt => ({
        result: "refused",
        problem:
          error instanceof Problem ? error : new Problem("internal", "the run could not be created", { cause: error }),
      }),
    );
    line.creating.delete(entry);
    this.#creating--;
    if (attempt.result !== "unavailable") this.#failures = 0;
    switch (attempt.result) {
      case "created":
        line.fullTries = 0;
        entry.settle({ object: attempt.object });
        break;
      case "refused":
        entry.settle({ problem: attempt.problem });
        break;
      case "full":
        this.#putBack(line, entry, "quota");
        this.#waitForQuota(line);
        break;
      case "unavailable":
        this.#putBack(line, entry, "cluster");
        this.#pause();
        break;
    }
    this.#forget(tenant, line);
    this.#pump();
  }

  #putBack(line: Line, entry: Entry, why: Waiting): void {
    insert(line.waiting, entry);
    this.#waiting++;
    entry.delay(why);
  }

  // Whatever ends makes room at once (see freed); what others of the namespace do is only seen by trying.
  #waitForQuota(line: Line): void {
    const waitMs = Math.min(longestQuotaRetryMs, firstQuotaRetryMs * 2 ** Math.min(line.fullTries++, 10));
    line.fullUntil = this.#options.clock.now() + waitMs;
    const timer = this.#options.clock.after(
      waitMs,
      () => {
        this.#quotaTimers.delete(timer);
        this.#pump();
      },
      { background: true },
    );
    this.#quotaTimers.add(timer);
  }

  #pause(): void {
    this.#failures++;
    if (this.#retry !== undefined || this.#stopped) return;
    const waitMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures - 1, 10));
    this.#retry = this.#options.clock.after(
      waitMs,
      () => {
        this.#retry = undefined;
        this.#pump();
      },
      { background: true },
    );
  }

  // Those who wait are told why, so that their callers need not.
  #explain(): void {
    if (this.#waiting === 0) return;
    for (const [tenant, line] of this.#lines) {
      if (line.waiting.length === 0) continue;
      const blocked = this.clusterAway ? "cluster" : this.#blockedBy(tenant, line);
      const promised = line.waiting[0]?.promised === true || [...line.creating].some((entry) => entry.promised);
      for (const entry of line.waiting) {
        if (blocked !== undefined) entry.delay(blocked);
        else if (promised) entry.delay("limit");
        else entry.waiting = "turn";
      }
    }
  }

  #lineOf(tenant: string): Line {
    let line = this.#lines.get(tenant);
    if (line === undefined) {
      line = { waiting: [], creating: new Set(), fullUntil: 0, fullTries: 0, servedAt: 0 };
      this.#lines.set(tenant, line);
    }
    return line;
  }

  #forget(tenant: string, line: Line): void {
    if (line.waiting.length === 0 && line.creating.size === 0) this.#lines.delete(tenant);
  }
}
