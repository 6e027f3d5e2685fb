import { type Clock, sleep, systemClock } from "@podwright/clock";
import type { KubeObject } from "@podwright/kube";
import { messageOf } from "@podwright/kube/error-message";
import { isCode, StatusError } from "@podwright/kube/status";
import { type Logger, silentLogger } from "./logger.ts";
import type { Selection } from "./query.ts";
import { defaultPageSize, type ResourceClient } from "./resource-client.ts";
import type { HeldObjects, WatchEvent } from "./transport.ts";

/** Takes what a {@link ListWatch} learns. Called one at a time, in the server's order. */
export interface ListWatchSink<T extends KubeObject> {
  /** What to keep of an object until the whole state is there: as each arrives, so that they are never all in memory. */
  keep?(object: T): T;
  /** All objects there are as of `resourceVersion`. Returns how many of them (or of the gone ones) were not known so. */
  replace(objects: readonly T[], resourceVersion: string): number;
  apply(type: "ADDED" | "MODIFIED" | "DELETED", object: T): void;
}

export interface ListWatchOptions extends Selection {
  /** Get the first state as a stream of events where the server can (WatchList). Default true; else, and otherwise, a paged list. */
  watchList?: boolean;
  pageSize?: number;
  /** false: nobody looks at metadata.managedFields, which may be there or not then. Default true. */
  managedFields?: boolean;
  /** What is in memory of that very version already: it may be given instead of another copy of it. */
  held?: HeldObjects | undefined;
  /** A watch that shows no sign of life for so long is taken for dead. Default 90 s: bookmarks come about every minute. */
  silenceTimeoutMs?: number;
  /** The least time between the starts of two connections. Default 1 s. */
  minReconnectMs?: number;
  /** The longest wait after repeated failures. Default 30 s. */
  maxBackoffMs?: number;
  /** How often what is known is compared with the server's state at the same version. Default 30 min; 0: never. */
  verifyIntervalMs?: number;
  logger?: Logger;
  clock?: Clock;
  /** In [0, 1). */
  random?: () => number;
}

/** Counters since the start; a healthy one has `missed` 0. */
export interface ListWatchMetrics {
  /** Whole states read, by list or by WatchList. */
  lists: number;
  /** Watch requests sent. */
  watches: number;
  /** ADDED, MODIFIED and DELETED events taken. */
  events: number;
  bookmarks: number;
  /** Connections that broke, were refused, or brought garbage. */
  failures: number;
  /** Watches given up because nothing came for too long. */
  stalls: number;
  /** Times the server no longer had the version to go on from (410). */
  expired: number;
  /** Changes learned from a list after the history was lost. */
  recovered: number;
  /** Differences a comparison at one version found: events that never came, though the watch looked well. */
  missed: number;
}

const initialEventsEnd = "k8s.io/initial-events-end";
// A server that knows sendInitialEvents says when it is through; one that ignores it never does.
const watchListPatienceMs = 10_000;
const watchListAttempts = 2;
// After so many refusals to go on from a version, start over from a list: the server may have another history now.
const resumeAttempts = 3;

class Silence extends Error {}
class NoInitialEventsEnd extends Error {}

/**
 * Keeps a sink up to date with the objects of a resource, whatever happens to connections: list, then watch from
 * there on; goes on from the last version (bookmarks keep it fresh) after a break, starts over from a list when the
 * server has forgotten that version (410), notices connections that died silently, waits longer and longer (with
 * jitter) between failures. Every now and then it compares what is known with the server's state at that very
 * version, and counts what was missed.
 * Behaviour: k8s.io/client-go/tools/cache/reflector.go.
 */
export class ListWatch<T extends KubeObject> {
  readonly metrics: ListWatchMetrics = {
    lists: 0,
    watches: 0,
    events: 0,
    bookmarks: 0,
    failures: 0,
    stalls: 0,
    expired: 0,
    recovered: 0,
    missed: 0,
  };
  readonly #resource: ResourceClient<T>;
  readonly #sink: ListWatchSink<T>;
  readonly #selection: Selection;
  readonly #pageSize: number;
  readonly #managedFields: boolean;
  readonly #held: HeldObjects | undefined;
  readonly #silenceTimeoutMs: number;
  readonly #minReconnectMs: number;
  readonly #maxBackoffMs: number;
  readonly #verifyIntervalMs: number;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #connection: AbortController | undefined;
  /** The version everything known is as of; undefined: start over from a list. */
  #version: string | undefined;
  #watchListTries: number;
  #listNext = false;
  #failures = 0;
  #refusals = 0;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #heardAt = 0;
  #verifiedAt = 0;

  constructor(resource: ResourceClient<T>, sink: ListWatchSink<T>, options: ListWatchOptions = {}) {
    this.#resource = resource;
    this.#sink = sink;
    this.#selection = {
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
      ...(options.fieldSelector === undefined ? {} : { fieldSelector: options.fieldSelector }),
    };
    this.#pageSize = options.pageSize ?? defaultPageSize;
    this.#managedFields = options.managedFields ?? true;
    this.#held = options.held;
    this.#silenceTimeoutMs = options.silenceTimeoutMs ?? 90_000;
    this.#minReconnectMs = options.minReconnectMs ?? 1000;
    this.#maxBackoffMs = options.maxBackoffMs ?? 30_000;
    this.#verifyIntervalMs = options.verifyIntervalMs ?? 30 * 60_000;
    this.#log = options.logger ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#watchListTries = (options.watchList ?? true) ? watchListAttempts : 0;
  }

  /** The version everything known is as of. */
  get resourceVersion(): string | undefined {
    return this.#version;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Resolves when nothing runs any more; the sink is not called after. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#connection?.abort(new Error("stopped"));
    await this.#running;
  }

  async #run(): Promise<void> {
    const stopped = this.#stop.signal;
    while (!stopped.aborted) {
      let failed = false;
      try {
        await this.#round();
      } catch (error) {
        if (stopped.aborted) return;
        failed = this.#note(error);
      }
      if (stopped.aborted) return;
      await sleep(this.#clock, this.#waitMs(failed), stopped);
    }
  }

  // One connection, from a list or from the last version, until it ends.
  async #round(): Promise<void> {
    this.#connectedAt = this.#clock.now();
    if (this.#version !== undefined) {
      if (this.#verifyIntervalMs > 0 && this.#connectedAt - this.#verifiedAt >= this.#verifyIntervalMs) {
        await this.#verify(this.#version);
      }
      return this.#follow(this.#version);
    }
    if (this.#watchListTries > 0 && !this.#listNext) return this.#follow(undefined);
    const list = await this.#resource.listAll({
      ...this.#selection,
      limit: this.#pageSize,
      signal: this.#stop.signal,
      ...this.#keeping(),
    });
    this.#replace(list.items, list.metadata.resourceVersion ?? "");
    return this.#follow(this.#version);
  }

  // Watches: from a version, or (undefined) from the state the server sends first.
  async #follow(from: string | undefined): Promise<void> {
    const connection = new AbortController();
    this.#connection = connection;
    if (this.#stop.signal.aborted) return;
    this.metrics.watches++;
    this.#heardAt = this.#clock.now();
    let initial = from === undefined ? new Map<string, T>() : undefined;
    let guard = this.#guard(connection, initial === undefined);
    try {
      const events = this.#resource.watch({
        ...this.#selection,
        ...(from === undefined
          ? { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" as const }
          : { resourceVersion: from }),
        allowWatchBookmarks: true,
        // Spread, so that the watches of one moment do not all end at one moment.
        timeoutSeconds: 300 + Math.floor(this.#random() * 300),
        managedFields: this.#managedFields,
        held: this.#held,
        signal: connection.signal,
      });
      for await (const event of events) {
        if (connection.signal.aborted) break;
        this.#heardAt = this.#clock.now();
        if (initial === undefined) this.#take(event);
        else if (collect(initial, event, this.#keeping().keep)) {
          this.#replace([...initial.values()], event.object.metadata.resourceVersion ?? "");
          initial = undefined;
          guard.cancel();
          guard = this.#guard(connection, true);
        }
        this.#failures = 0;
        this.#refusals = 0;
      }
    } catch (error) {
      throw connection.signal.aborted ? connection.signal.reason : error;
    } finally {
      guard.cancel();
      this.#connection = undefined;
    }
    if (connection.signal.aborted) throw connection.signal.reason;
    if (initial !== undefined) throw new NoInitialEventsEnd("the watch ended before its initial events did");
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === "ERROR") throw statusOf(event);
    if (event.type === "BOOKMARK") this.metrics.bookmarks++;
    else {
      this.metrics.events++;
      this.#sink.apply(event.type, event.object);
    }
    this.#version = event.object.metadata.resourceVersion ?? this.#version;
  }

  #replace(objects: readonly T[], resourceVersion: string): void {
    const first = this.metrics.lists === 0;
    this.metrics.lists++;
    const differences = this.#sink.replace(objects, resourceVersion);
    if (!first) this.metrics.recovered += differences;
    this.#version = resourceVersion;
    this.#listNext = false;
    this.#verifiedAt = this.#clock.now();
    this.#failures = 0;
  }

  // Between two watches, what is known must be what the server had at the version reached.
  async #verify(version: string): Promise<void> {
    try {
      const list = await this.#resource.listAll({
        ...this.#selection,
        limit: this.#pageSize,
        resourceVersion: version,
        resourceVersionMatch: "Exact",
        signal: this.#stop.signal,
        ...this.#keeping(),
      });
      this.metrics.lists++;
      const missed = this.#sink.replace(list.items, version);
      this.metrics.missed += missed;
      if (missed > 0) this.#log.error("watch missed events", { ...this.#what(), missed, resourceVersion: version });
      this.#verifiedAt = this.#clock.now();
    } catch (error) {
      // The version is gone, or was never there: nothing to compare with, so start over.
      if (error instanceof StatusError) this.#version = undefined;
      throw error;
    }
  }

  // Gives the connection up when nothing comes for too long.
  #guard(connection: AbortController, initialized: boolean): { cancel(): void } {
    const limitMs = initialized ? this.#silenceTimeoutMs : Math.min(watchListPatienceMs, this.#silenceTimeoutMs);
    const give = () =>
      initialized
        ? new Silence(`nothing came for ${limitMs / 1000} s`)
        : new NoInitialEventsEnd(`no end of the initial events within ${limitMs / 1000} s`);
    const check = () => {
      const silentMs = this.#clock.now() - this.#heardAt;
      if (silentMs >= limitMs) connection.abort(give());
      else timer = this.#clock.after(limitMs - silentMs, check, { background: true });
    };
    let timer = this.#clock.after(limitMs, check, { background: true });
    return { cancel: () => timer.cancel() };
  }

  // Decides what an error means for the next round; tells whether to back off.
  #note(error: unknown): boolean {
    if (error instanceof StatusError && (error.code === 410 || error.reason === "Expired" || error.reason === "Gone")) {
      this.metrics.expired++;
      this.#version = undefined;
      this.#log.info("watch expired, starting over from a list", this.#what());
      return false;
    }
    if (error instanceof Silence) {
      this.metrics.stalls++;
      this.#log.warn("watch fell silent, connecting again", { ...this.#what(), error: error.message });
      return false;
    }
    if (this.#version === undefined && this.#watchListTries > 0) {
      const refused = isCode(error, 400, 422);
      if (refused || error instanceof NoInitialEventsEnd) {
        this.#watchListTries = refused ? 0 : this.#watchListTries - 1;
        this.#listNext = true;
        this.#log.debug("no initial events by watch, listing instead", { ...this.#what(), error: String(error) });
        return false;
      }
    }
    this.metrics.failures++;
    this.#failures++;
    if (error instanceof StatusError && ++this.#refusals >= resumeAttempts) {
      this.#refusals = 0;
      this.#version = undefined;
    }
    this.#log.warn("watch failed", {
      ...this.#what(),
      error: messageOf(error),
      failures: this.#failures,
    });
    return true;
  }

  #waitMs(failed: boolean): number {
    const sinceConnectMs = this.#clock.now() - this.#connectedAt;
    const spacingMs = Math.max(0, this.#minReconnectMs - sinceConnectMs);
    if (!failed) return this.#version === undefined && this.metrics.lists === 0 ? 0 : spacingMs;
    const ceilingMs = Math.min(this.#maxBackoffMs, this.#minReconnectMs * 2 ** Math.min(this.#failures, 20));
    return Math.max(spacingMs, ceilingMs * (0.5 + this.#random() / 2));
  }

  #keeping(): { keep?: (object: T) => T } {
    return this.#sink.keep === undefined ? {} : { keep: (object) => this.#sink.keep?.(object) ?? object };
  }

  #what(): Record<string, unknown> {
    return { resource: this.#resource.ref.resource, ...this.#selection };
  }
}

// Adds an initial event to the state; true when it is the bookmark that ends it.
function collect<T extends KubeObject>(
  state: Map<string, T>,
  event: WatchEvent<T>,
  keep: (object: T) => T = (object) => object,
): boolean {
  const { metadata } = event.object;
  switch (event.type) {
    case "ERROR":
      throw statusOf(event);
    case "BOOKMARK":
      return metadata.annotations?.[initialEventsEnd] === "true";
    case "DELETED":
      state.delete(`${metadata.namespace ?? ""}/${metadata.name}`);
      return false;
    default:
      state.set(`${metadata.namespace ?? ""}/${metadata.name}`, keep(event.object));
      return false;
  }
}

function statusOf(event: WatchEvent): StatusError {
  return new StatusError(event.object as unknown as StatusError["status"]);
}
