import { type Client, type Clock, jobs, type Logger, pods } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { Problem } from "../problem.ts";
import { TemplateCache } from "../templates/template.ts";
import { defaultLimits, type Tenant, type TenantLimits } from "../tenants/tenant.ts";
import { attemptRun } from "./attempts.ts";
import { checkClaims } from "./claims.ts";
import { clusterProblem } from "./create-object.ts";
import { Deadlines } from "./deadlines.ts";
import { type DeletionReasons, recordHistory, recordLost } from "./history.ts";
import { LiveRuns } from "./live-runs.ts";
import { fingerprintAnnotation } from "./names.ts";
import { prepareRun } from "./prepare-run.ts";
import { RunQueue } from "./queue.ts";
import type { Attempt, QueuedRun, Ticket } from "./queued-run.ts";
import type { Records } from "./records.ts";
import { isFinished, type Run, runOf } from "./run.ts";
import { keyReused, objectOf } from "./run-object.ts";
import type { CreatedRun, FoundRun, RunRequest } from "./run-request.ts";
import { RunWatchers } from "./watchers.ts";

export interface RunsOptions {
  client: Client;
  records: Records;
  instance: string;
  maxRuns: number;
  maxQueue: number;
  clock: Clock;
  logger: Logger;
  /** How long a create may keep its caller waiting. Default 5 s. */
  answerWithinMs?: number;
  onCreate?: (seconds: number, result: string) => void;
}

/** Everything that is known of runs, and what can be done with them. */
export class Runs {
  readonly live: LiveRuns;
  readonly watchers: RunWatchers;
  readonly queue: RunQueue;
  readonly records: Records;
  readonly deadlines: Deadlines;
  readonly #options: RunsOptions;
  readonly #templates = new TemplateCache();
  readonly #limits = new Map<string, TenantLimits>();
  readonly #reasons: DeletionReasons = new Map();
  #sequence: number;

  constructor(options: RunsOptions) {
    const { client, clock, logger, records } = options;
    this.#options = options;
    this.records = records;
    // Rising over restarts too, so that what is loaded from disk comes first.
    this.#sequence = clock.now() * 1000;
    this.live = new LiveRuns({ client, instance: options.instance, clock, logger });
    this.watchers = new RunWatchers(this.live);
    this.queue = new RunQueue({
      create: (item) => this.#attempt(item),
      active: (tenant) => this.live.active(tenant),
      share: (tenant) => this.#limits.get(tenant) ?? defaultLimits,
      maxRuns: options.maxRuns,
      maxQueue: options.maxQueue,
      clock,
    });
    this.deadlines = new Deadlines({
      live: this.live,
      client,
      clock,
      logger,
      reasons: this.#reasons,
      isWatched: (tenant, name) => this.watchers.has(tenant, name),
    });
    recordHistory(this.live, records, this.#reasons, clock);
    this.live.onChange((now, before) => {
      const ended = now === undefined || isFinished(now.run.phase);
      if (ended && before !== undefined && !isFinished(before.run.phase)) this.queue.freed(before.tenant);
    });
  }

  /** Begins to follow the cluster; what was promised before is taken up when everything there is known. */
  start(): void {
    this.live.start();
    this.deadlines.start();
    this.live.synced().then(
      () => this.#resume(),
      () => {},
    );
  }

  async stop(): Promise<void> {
    this.queue.stop();
    await this.queue.idle();
    await this.deadlines.stop();
    await this.live.stop();
  }

  #resume(): void {
    const lost = recordLost(this.live, this.records, this.#options.clock);
    if (lost > 0) this.#options.logger.warn("runs went while the service was away", { runs: lost });
    for (const item of this.records.queued()) {
      if (this.records.get(item.tenant, item.name) !== undefined) {
        this.records.removeQueued(item);
        continue;
      }
      if (!this.#limits.has(item.tenant)) this.#limits.set(item.tenant, item.limits);
      this.#followPromised(this.queue.submit(item, { kept: true }));
    }
  }

  /**
   * Has a run created. Resolves when the API server has answered, or as soon as it is plain that this takes long:
   * then its place in line is on disk. Throws a Problem.
   */
  async create(tenant: Tenant, request: RunRequest, idempotencyKey: string | undefined): Promise<CreatedRun> {
    const { clock, instance } = this.#options;
    this.#limits.set(tenant.id, tenant.limits);
    const at = clock.now();
    const prepared = prepareRun(tenant, request, { templates: this.#templates, instance, at, idempotencyKey });
    const { fingerprint: asked, name, object } = prepared;
    const before = this.#before(tenant.id, name, asked);
    if (before !== undefined) return before instanceof Promise ? before : { ...before, replayed: true };
    if (request.vols.length > 0) await checkClaims(this.#options.client, tenant.namespace, request.vols);
    const again = this.#before(tenant.id, name, asked);
    if (again !== undefined) return again instanceof Promise ? again : { ...again, replayed: true };
    const item: QueuedRun = { sequence: ++this.#sequence, tenant: tenant.id, name, at, object, limits: tenant.limits };
    if (asked !== undefined) item.once = true;
    return this.#answer(this.queue.submit(item), false);
  }

  // What there is under the name already: this very request's run, or (a Problem) another's.
  #before(
    tenant: string,
    name: string,
    asked: string | undefined,
  ): Omit<CreatedRun, "replayed"> | Promise<CreatedRun> | undefined {
    const mine = (object: KubeObject): void => {
      if (asked === undefined) throw new Problem("conflict", `there is a run ${name} already`);
      if (object.metadata.annotations?.[fingerprintAnnotation] !== asked) throw keyReused();
    };
    const live = this.live.get(tenant, name);
    if (live !== undefined) {
      mine(live.object);
      return { state: "created", object: live.object, run: live.run };
    }
    const ticket = this.queue.find(tenant, name);
    if (ticket !== undefined) {
      mine(ticket.item.object);
      return this.#answer(ticket, true);
    }
    const past = asked === undefined ? undefined : this.records.get(tenant, name);
    return past === undefined ? undefined : { state: "created", object: objectOf(past), run: past };
  }

  async #answer(ticket: Ticket, replayed: boolean): Promise<CreatedRun> {
    const { clock, answerWithinMs = 5_000 } = this.#options;
    const late = Promise.withResolvers<"late">();
    const timer = clock.after(answerWithinMs, () => late.resolve("late"), { background: true });
    const outcome = await Promise.race([ticket.done, ticket.delayed, late.promise]);
    timer.cancel();
    if (typeof outcome === "string") {
      if (!replayed) {
        ticket.item.once = true;
        await this.records.putQueued(ticket.item);
        this.queue.promise(ticket);
        this.#followPromised(ticket);
      }
      const settled = await Promise.race([ticket.done, undefined]);
      if (settled === undefined)
        return { state: "queued", object: ticket.item.object, run: this.#queuedRun(ticket), replayed };
      return this.#settled(ticket, settled, replayed);
    }
    return this.#settled(ticket, outcome, replayed);
  }

  #settled(ticket: Ticket, outcome: Awaited<Ticket["done"]>, replayed: boolean): CreatedRun {
    if ("problem" in outcome) throw outcome.problem;
    if ("cancelled" in outcome) throw new Problem("conflict", `the run ${ticket.item.name} was deleted meanwhile`);
    return {
      state: "created",
      object: outcome.object,
      run: this.#runOf(ticket.item, outcome.object),
      replayed,
    };
  }

  #runOf({ tenant, name }: QueuedRun, object: KubeObject): Run {
    return this.live.get(tenant, name)?.run ?? this.records.get(tenant, name) ?? runOf(object);
  }

  // What was promised is told of however it ends: its caller has gone.
  #followPromised(ticket: Ticket): void {
    void ticket.done.then((outcome) => {
      this.records.removeQueued(ticket.item);
      if ("object" in outcome) return;
      const now = new Date(this.#options.clock.now()).toISOString();
      const run: Run = {
        ...runOf(ticket.item.object),
        phase: "problem" in outcome ? "Failed" : "Deleted",
        reason: "problem" in outcome ? "Refused" : "Deleted",
        ...("problem" in outcome ? { message: outcome.problem.message } : {}),
        finishedAt: now,
      };
      this.records.finish(run);
      this.watchers.tell(run, true);
    });
  }

  async #attempt(item: QueuedRun): Promise<Attempt> {
    const { client, clock, onCreate } = this.#options;
    const began = performance.now();
    const { accepted, attempt } = await attemptRun(item, { client, clock, records: this.records });
    onCreate?.((performance.now() - began) / 1000, attempt.result);
    if (accepted !== undefined) this.live.accept(accepted);
    return attempt;
  }

  /** Throws a Problem when there is none. */
  find(tenant: string, name: string): FoundRun {
    const live = this.live.get(tenant, name);
    if (live !== undefined) {
      this.deadlines.touch(live);
      return { in: "cluster", live, run: live.run };
    }
    const ticket = this.queue.find(tenant, name);
    if (ticket !== undefined) return { in: "queue", ticket, run: this.#queuedRun(ticket) };
    const run = this.records.get(tenant, name);
    if (run !== undefined) return { in: "history", run };
    throw new Problem("not_found", "there is no such run");
  }

  #queuedRun(ticket: Ticket): Run {
    const position = this.queue.position(ticket);
    const reasons = { turn: "Turn", limit: "Limit", quota: "Quota", cluster: "ClusterAway" };
    return {
      ...runOf(ticket.item.object),
      phase: "Queued",
      ...(position === undefined ? {} : { position }),
      ...(ticket.waiting === undefined ? {} : { reason: reasons[ticket.waiting] }),
    };
  }

  /** Runs of a tenant that wait. */
  queued(tenant: string): Run[] {
    return this.queue.list(tenant).map((ticket) => this.#queuedRun(ticket));
  }

  /**
   * Ends a run: takes it out of the line, or deletes its object. Gives what the API server answered, or the run.
   * Throws a Problem: not_found when there is nothing (any more).
   */
  async delete(
    tenant: string,
    name: string,
    graceSeconds: number | undefined,
  ): Promise<{ run: Run; answer?: KubeObject }> {
    const found = this.find(tenant, name);
    if (found.in === "history") throw new Problem("not_found", "the run is over and its object gone");
    if (found.in === "queue" && this.queue.cancel(tenant, name)) return { run: { ...found.run, phase: "Deleted" } };
    const object = found.in === "cluster" ? found.live.object : await this.#created(found);
    const { client } = this.#options;
    const uid = object.metadata.uid as string;
    const isJob = object.kind === "Job";
    try {
      const answer = await client.resource(isJob ? jobs : pods).delete(name, object.metadata.namespace, {
        preconditions: { uid },
        propagationPolicy: "Background",
        ...(graceSeconds === undefined || isJob ? {} : { gracePeriodSeconds: graceSeconds }),
      });
      // What went at once is answered with a Status.
      return { run: found.run, answer: answer.kind === "Status" ? object : answer };
    } catch (error) {
      throw clusterProblem(error);
    }
  }

  // It is being created this very moment.
  async #created(found: FoundRun & { in: "queue" }): Promise<KubeObject> {
    const outcome = await found.ticket.done;
    if ("object" in outcome) return outcome.object;
    throw new Problem("not_found", "there is no such run");
  }

  /** Resolves when the run has come so far, or time is over; the caller looks anew. */
  async wait(
    tenant: string,
    name: string,
    until: (run: Run) => boolean,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (until(this.find(tenant, name).run)) return;
    await this.watchers.wait(tenant, name, until, { clock: this.#options.clock, timeoutMs, signal });
  }
}
