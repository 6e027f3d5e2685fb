import { type Clock, sleep, systemClock } from "@podwright/clock";
import type { KubeObject } from "@podwright/kube";
import { isCode, StatusError } from "@podwright/kube/status";
import { formatTime } from "@podwright/kube/time";
import type { Client } from "./client.ts";
import { EventCorrelator, type EventFacts, type EventSeries } from "./event-correlator.ts";
import { type Logger, silentLogger } from "./logger.ts";
import { events } from "./resources.ts";

export interface EventRecorderOptions {
  /** Who tells: "deployment-controller". */
  component: string;
  /** The node it runs on, for what runs per node. */
  host?: string;
  /** Events that wait to be sent; more are dropped. Default 1000. */
  queueLimit?: number;
  /** Events that are sent at the same time. Default 8. */
  concurrency?: number;
  logger?: Logger;
  clock?: Clock;
  random?: () => number;
}

// client-go's numbers (k8s.io/client-go/tools/record/event.go).
const attempts = 12;
const attemptEveryMs = 10_000;
// What `stop` gives to what still waits.
const flushMs = 1000;

/**
 * Writes core/v1 Events about objects without making the caller wait. Repeats count up one Event instead of making
 * more (see {@link EventCorrelator}). An event the server refuses is dropped; while the server cannot be reached it
 * is tried again for about two minutes.
 */
export class EventRecorder {
  readonly #client: Client;
  readonly #component: string;
  readonly #host: string;
  readonly #queueLimit: number;
  readonly #concurrency: number;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #correlator = new EventCorrelator();
  /** Series with something to send, in order; one that counts up while it waits is sent once. */
  readonly #queue = new Set<EventSeries>();
  readonly #written = new WeakSet<EventSeries>();
  readonly #stop = new AbortController();
  /** Series that are being written: none is written twice at once. */
  readonly #writing = new Set<EventSeries>();
  readonly #senders = new Set<Promise<void>>();
  #stopping = false;
  #dropped = 0;

  constructor(client: Client, options: EventRecorderOptions) {
    this.#client = client;
    this.#component = options.component;
    this.#host = options.host ?? "";
    this.#queueLimit = options.queueLimit ?? 1000;
    this.#concurrency = options.concurrency ?? 8;
    this.#log = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  /** Events dropped because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Tells about an object; `reason` in UpperCamelCase, `message` for people. Returns at once and never throws. */
  event(
    object: KubeObject,
    type: "Normal" | "Warning",
    reason: string,
    message: string,
    options: { fieldPath?: string } = {},
  ): void {
    if (this.#stopping) return;
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const involvedObject: EventFacts["involvedObject"] = {
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: name ?? "",
      ...(namespace ? { namespace } : {}),
      ...(uid ? { uid } : {}),
      ...(resourceVersion ? { resourceVersion } : {}),
      ...(options.fieldPath ? { fieldPath: options.fieldPath } : {}),
    };
    // The API takes at most 1 kB of message.
    const facts = {
      component: this.#component,
      host: this.#host,
      involvedObject,
      type,
      reason,
      message: message.slice(0, 1024),
    };
    const series = this.#correlator.observe(facts, this.#clock.now());
    if (series === undefined || this.#queue.has(series)) return;
    if (this.#queue.size >= this.#queueLimit) {
      this.#dropped++;
      this.#log.warn("dropped an event, too many are waiting", { reason, object: name });
      return;
    }
    this.#queue.add(series);
    if (this.#senders.size >= this.#concurrency) return;
    const sender = this.#send().finally(() => this.#senders.delete(sender));
    this.#senders.add(sender);
  }

  /** Resolves when all told so far is written or dropped. */
  async flushed(): Promise<void> {
    while (this.#senders.size > 0) await Promise.all(this.#senders);
  }

  /** Takes no more events, gives those that wait a second, drops the rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#senders.size === 0) return;
    const timer = this.#clock.after(flushMs, () => this.#stop.abort());
    await this.flushed();
    timer.cancel();
  }

  /** Writes what waits until nothing does. */
  async #send(): Promise<void> {
    await undefined;
    for (let series = this.#next(); series !== undefined; series = this.#next()) {
      // Before, not after: when it counts up meanwhile it comes into the queue again.
      this.#queue.delete(series);
      this.#writing.add(series);
      await this.#write(series);
      this.#writing.delete(series);
    }
    if (this.#stop.signal.aborted) this.#queue.clear();
  }

  #next(): EventSeries | undefined {
    if (this.#stop.signal.aborted) return undefined;
    for (const series of this.#queue) if (!this.#writing.has(series)) return series;
    return undefined;
  }

  async #write(series: EventSeries): Promise<void> {
    for (let attempt = 1; !this.#stop.signal.aborted; attempt++) {
      try {
        await this.#put(series);
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        if (error instanceof StatusError || attempt >= attempts) {
          this.#log.warn("could not write an event", { reason: series.facts.reason, error: (error as Error).message });
          return;
        }
        const waitMs = attempt === 1 ? attemptEveryMs * this.#random() : attemptEveryMs;
        if (this.#stopping) return;
        await sleep(this.#clock, waitMs, this.#stop.signal);
      }
    }
  }

  async #put(series: EventSeries): Promise<void> {
    const resource = this.#client.resource(events);
    const { signal } = this.#stop;
    const { facts, name, count } = series;
    const namespace = facts.involvedObject.namespace ?? "default";
    const lastTimestamp = formatTime(series.lastSeenAt);
    if (this.#written.has(series)) {
      try {
        const patch = { count, lastTimestamp, message: facts.message };
        await resource.patch(name, namespace, patch, { type: "merge", signal });
        return;
      } catch (error) {
        // Events go after an hour: then it is a new one, with the old count.
        if (!isCode(error, 404)) throw error;
      }
    }
    await resource.create(
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name, namespace },
        involvedObject: facts.involvedObject,
        reason: facts.reason,
        message: facts.message,
        source: { component: facts.component, ...(facts.host === "" ? {} : { host: facts.host }) },
        firstTimestamp: formatTime(series.firstSeenAt),
        lastTimestamp,
        count,
        type: facts.type,
        reportingComponent: facts.component,
        reportingInstance: facts.host,
      },
      { signal },
    );
    this.#written.add(series);
  }
}
