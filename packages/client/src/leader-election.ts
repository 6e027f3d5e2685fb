import { type Clock, sleep, systemClock } from "@podwright/clock";
import type { KubeObject } from "@podwright/kube";
import { isCode, StatusError } from "@podwright/kube/status";
import type { Client } from "./client.ts";
import { type LeaseRecord, leaseOf, recordOf, sameRecord } from "./lease-record.ts";
import { type Logger, silentLogger } from "./logger.ts";
import type { ResourceClient } from "./resource-client.ts";
import { leases } from "./resources.ts";

export interface LeaderElectorOptions {
  client: Client;
  /** Of the Lease all candidates share. */
  namespace: string;
  name: string;
  /** Unlike any other candidate's: "<hostname>_<uuid>". */
  identity: string;
  /** How long others wait after the last renewal before they take over. Default 15 s. */
  leaseDurationMs?: number;
  /** How long the leader tries to renew before it gives up leading. Default 10 s. */
  renewDeadlineMs?: number;
  /** Between two tries. Default 2 s. */
  retryPeriodMs?: number;
  /** Give the lease back on stop, so that another can lead at once. Default true. */
  releaseOnStop?: boolean;
  /** Called when leading begins. The signal aborts when it ends: what must only ever be done by one must stop then. */
  onStartedLeading: (signal: AbortSignal) => void;
  /** Called when leading has ended, for whatever reason, and only if it had begun; it is waited for before the lease is given back. */
  onStoppedLeading: () => void | Promise<void>;
  /** Called whenever another (or oneself) is seen to lead. */
  onNewLeader?: (identity: string) => void;
  logger?: Logger;
  clock?: Clock;
  /** In [0, 1). */
  random?: () => number;
}

// Tries to become leader are spread by so much (k8s.io/client-go/tools/leaderelection, JitterFactor).
const jitterFactor = 1.2;

/**
 * Lets one of many processes lead, by a Lease that the leader renews. Times are judged by one's own clock from when a
 * change of the lease was seen, so the clocks of candidates need not agree. Who cannot renew within
 * `renewDeadlineMs` stops leading before `leaseDurationMs` lets another begin. It leads once: when leading ends,
 * `ended` resolves, and a new elector is needed to try again (a process usually exits).
 * Behaviour: k8s.io/client-go/tools/leaderelection/leaderelection.go.
 */
export class LeaderElector {
  readonly #options: Required<Omit<LeaderElectorOptions, "onNewLeader" | "client">>;
  readonly #onNewLeader: ((identity: string) => void) | undefined;
  readonly #leases: ResourceClient<KubeObject>;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  /** The lease as last seen or written. */
  #lease: KubeObject | undefined;
  #record: LeaseRecord | undefined;
  /** When #record last changed, by our clock. */
  #observedAt = 0;
  #reported = "";
  #leading = false;
  #running: Promise<void> | undefined;

  /** Throws TypeError when the times do not fit: lease > renew deadline > retry period × 1.2. */
  constructor(options: LeaderElectorOptions) {
    const { client, onNewLeader, ...rest } = options;
    this.#options = {
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryPeriodMs: 2000,
      releaseOnStop: true,
      logger: silentLogger,
      clock: systemClock,
      random: Math.random,
      ...rest,
    };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs, identity } = this.#options;
    if (identity === "") throw new TypeError("leader election: identity must not be empty");
    if (leaseDurationMs < 1000) throw new TypeError("leader election: leaseDurationMs must be at least 1000");
    if (leaseDurationMs <= renewDeadlineMs) {
      throw new TypeError("leader election: leaseDurationMs must be greater than renewDeadlineMs");
    }
    if (renewDeadlineMs <= retryPeriodMs * jitterFactor) {
      throw new TypeError(`leader election: renewDeadlineMs must be greater than retryPeriodMs * ${jitterFactor}`);
    }
    this.#onNewLeader = onNewLeader;
    this.#leases = client.resource(leases);
    this.#clock = this.#options.clock;
  }

  /** Whether this one leads now. Also false when the lease ran out while nothing could run (a suspended process). */
  get isLeader(): boolean {
    return this.#leading && this.#clock.now() < this.#observedAt + this.#options.leaseDurationMs;
  }

  /** Who leads as far as is known, "" when nobody. */
  get leader(): string {
    return this.#record?.holderIdentity ?? "";
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when the election is over for this one: leading was lost, or it was stopped. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Stops leading (or trying to), gives the lease back, resolves when all of that is done. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    if (!(await this.#acquire())) return;
    const { onStartedLeading, onStoppedLeading, releaseOnStop, logger } = this.#options;
    const term = new AbortController();
    this.#leading = true;
    logger.info("began to lead", this.#what());
    try {
      onStartedLeading(term.signal);
      await this.#renew();
    } catch (error) {
      logger.error("onStartedLeading threw, giving up leading", this.#what(error));
    } finally {
      this.#leading = false;
      term.abort();
      logger.info("stopped leading", this.#what());
      try {
        await onStoppedLeading();
        // Only now: what that ends must not overlap with the next leader's beginning.
        if (releaseOnStop) await this.#release();
      } catch (error) {
        logger.error("onStoppedLeading threw, the lease is left to run out", this.#what(error));
      }
    }
  }

  // Until it leads (true) or is stopped (false).
  async #acquire(): Promise<boolean> {
    const { retryPeriodMs, renewDeadlineMs, random } = this.#options;
    while (!this.#stop.signal.aborted) {
      const got = await this.#within(renewDeadlineMs, (signal) => this.#tryAcquireOrRenew(signal));
      this.#reportLeader();
      if (got) return true;
      await sleep(this.#clock, retryPeriodMs * (1 + random() * jitterFactor), this.#stop.signal);
    }
    return false;
  }

  // Until it is stopped or cannot renew.
  async #renew(): Promise<void> {
    const { retryPeriodMs, renewDeadlineMs, logger } = this.#options;
    const stopped = this.#stop.signal;
    while (!stopped.aborted) {
      const renewed = await this.#within(renewDeadlineMs, async (signal) => {
        while (!signal.aborted) {
          if (await this.#tryAcquireOrRenew(signal)) return true;
          await sleep(this.#clock, retryPeriodMs, signal);
        }
        return false;
      });
      this.#reportLeader();
      if (stopped.aborted) return;
      if (!renewed) {
        logger.warn("could not renew the lease in time", this.#what());
        return;
      }
      await sleep(this.#clock, retryPeriodMs, stopped);
    }
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { identity, namespace, name, leaseDurationMs, logger } = this.#options;
    const now = this.#clock.now();
    const wanted: LeaseRecord = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.floor(leaseDurationMs / 1000),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    try {
      const seen = this.#record;
      if (seen?.holderIdentity === identity && this.#lease !== undefined && this.#valid(seen, now)) {
        // The leader writes to the version it wrote last, without reading first.
        try {
          await this.#write(this.#lease, { ...wanted, ...termOf(seen) }, signal);
          return true;
        } catch (error) {
          if (!(error instanceof StatusError)) throw error;
          logger.debug("lease changed meanwhile, reading it", this.#what(error));
        }
      }
      let lease: KubeObject;
      try {
        lease = await this.#leases.get(name, namespace, { signal });
      } catch (error) {
        if (!isCode(error, 404)) throw error;
        const created = leaseOf(wanted, {
          apiVersion: "coordination.k8s.io/v1",
          kind: "Lease",
          metadata: { name, namespace },
        });
        this.#observe(await this.#leases.create(created, { signal }));
        this.#observedAt = now;
        return true;
      }
      this.#observe(lease);
      const held = this.#record!;
      const mine = held.holderIdentity === identity;
      if (held.holderIdentity !== "" && !mine && this.#valid(held, now)) return false;
      await this.#write(
        lease,
        mine ? { ...wanted, ...termOf(held) } : { ...wanted, leaseTransitions: held.leaseTransitions + 1 },
        signal,
      );
      return true;
    } catch (error) {
      if (!signal.aborted) logger.warn("could not get or renew the lease", this.#what(error));
      return false;
    }
  }

  async #release(): Promise<void> {
    const { identity, namespace, name, renewDeadlineMs, logger } = this.#options;
    const give = async (signal: AbortSignal) => {
      try {
        const lease = await this.#leases.get(name, namespace, { signal });
        const held = recordOf(lease);
        // Somebody else's by now: nothing to give back.
        if (held.holderIdentity !== identity) return true;
        const now = this.#clock.now();
        await this.#write(
          lease,
          {
            holderIdentity: "",
            leaseDurationSeconds: 1,
            acquireTime: now,
            renewTime: now,
            leaseTransitions: held.leaseTransitions,
          },
          signal,
        );
        return true;
      } catch (error) {
        logger.warn("could not give the lease back", this.#what(error));
        return false;
      }
    };
    await this.#within(renewDeadlineMs, give, { evenWhenStopped: true });
  }

  async #write(lease: KubeObject, record: LeaseRecord, signal: AbortSignal): Promise<void> {
    // From before the request: the others see it later, so our lease ends by our clock before it does by theirs.
    const sentAt = this.#clock.now();
    this.#observe(await this.#leases.update(leaseOf(record, lease), { signal }));
    this.#observedAt = sentAt;
  }

  #observe(lease: KubeObject): void {
    const record = recordOf(lease);
    this.#lease = lease;
    if (this.#record !== undefined && sameRecord(this.#record, record)) return;
    this.#record = record;
    this.#observedAt = this.#clock.now();
  }

  #valid(record: LeaseRecord, now: number): boolean {
    return this.#observedAt + record.leaseDurationSeconds * 1000 > now;
  }

  // Runs something with a signal that aborts at a deadline, and (unless told otherwise) on stop.
  async #within(
    ms: number,
    work: (signal: AbortSignal) => Promise<boolean>,
    options: { evenWhenStopped?: boolean } = {},
  ): Promise<boolean> {
    const limit = new AbortController();
    const timer = this.#clock.after(ms, () => limit.abort());
    const onStop = () => limit.abort();
    if (!options.evenWhenStopped) {
      if (this.#stop.signal.aborted) onStop();
      this.#stop.signal.addEventListener("abort", onStop, { once: true });
    }
    try {
      return await work(limit.signal);
    } finally {
      timer.cancel();
      this.#stop.signal.removeEventListener("abort", onStop);
    }
  }

  #reportLeader(): void {
    if (this.leader === this.#reported) return;
    this.#reported = this.leader;
    if (this.#reported !== "") this.#onNewLeader?.(this.#reported);
  }

  #what(error?: unknown): Record<string, unknown> {
    const { namespace, name, identity } = this.#options;
    return { lease: `${namespace}/${name}`, identity, ...(error === undefined ? {} : { error: String(error) }) };
  }
}

function termOf(record: LeaseRecord): Pick<LeaseRecord, "acquireTime" | "leaseTransitions"> {
  return { acquireTime: record.acquireTime, leaseTransitions: record.leaseTransitions };
}
