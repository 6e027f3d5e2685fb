import type { Clock, Logger, Timer } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { NamedImage, TrackedImage } from "../image.ts";
import type { EngineWatch, ImageEngine, ImageHint } from "./engine.ts";
import { ImageTable } from "./image-table.ts";
import { withNamingTimes } from "./naming-times.ts";

export interface FollowOptions {
  engine: ImageEngine;
  clock: Clock;
  logger: Logger;
  /** What was known when somebody followed last: what differs from it has appeared since. */
  known?: readonly TrackedImage[];
  /** Told of what changed; first of all there is, with `whole`. */
  onChange: (change: ImageChange) => void;
  /** Told when the connection comes and goes, and when events were found to be missing. */
  onStatus?: (status: FollowStatus) => void;
  /** How often what is known is compared with what there is. Default 30 s. */
  compareEveryMs?: number;
  /** A call that is not answered within this has failed. Default 10 s. */
  callTimeoutMs?: number;
}

export interface ImageChange {
  images: TrackedImage[];
  gone: string[];
  /** It is all there is. */
  whole: boolean;
}

export interface FollowStatus {
  connected: boolean;
  images: number;
  /** Hints taken. */
  events: number;
  comparisons: number;
  /** Changes that a comparison found and no event told. */
  missed: number;
  /** Times the connection was lost. */
  lost: number;
  error?: string;
}

// Hints that come together are looked at together; of more than so many keys, all is listed.
const coalesceMs = 5;
const longestCoalesceMs = 1_000;
const mostKeys = 8;
// An event may come a moment after the list that shows it.
const graceMs = 1_000;
const mostTries = 6;

/**
 * Follows the images of an engine: by its events, and by a comparison every now and then, so that an event that never
 * came is found and counted. A stream of events that missed one, or a daemon that does not answer, is connected anew.
 */
export class FollowedImages {
  readonly #options: FollowOptions;
  readonly #table = new ImageTable();
  readonly #keys = new Set<string>();
  #all = false;
  /** Changes found by comparison for which an event may still come. */
  readonly #suspects = new Set<string>();
  readonly #stop = new AbortController();
  readonly #timers = new Set<Timer>();
  #work: Promise<void> = Promise.resolve();
  #lookTimer: Timer | undefined;
  #compareTimer: Timer | undefined;
  #watch: EngineWatch | undefined;
  #first = true;
  #coalesceMs = coalesceMs;
  #failures = 0;
  /** When the last list was asked for. */
  #listedAt = 0;
  readonly status: FollowStatus = { connected: false, images: 0, events: 0, comparisons: 0, missed: 0, lost: 0 };

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  start(): void {
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    for (const timer of this.#timers) timer.cancel();
    this.#lookTimer?.cancel();
    this.#compareTimer?.cancel();
    await this.#watch?.close();
    await this.#work;
    this.#options.engine.close();
  }

  get images(): TrackedImage[] {
    return this.#table.images();
  }

  /** Whether the name means this content now; asks the engine. When not, what is known is mended. */
  async confirm(name: string, ids: readonly string[]): Promise<boolean> {
    try {
      const found = await this.#options.engine.find(name, this.#deadline());
      const image = found.find((each) => each.name === name);
      if (image?.ids.some((id) => ids.includes(id))) return true;
    } catch {
      // Nobody knows: the comparison will find out.
      return true;
    }
    this.#hint({});
    return false;
  }

  /** Compares now. */
  async compare(): Promise<void> {
    await this.#enqueue(() => this.#compare());
  }

  #connect(): void {
    this.#watch = this.#options.engine.watch({
      onConnected: () => {
        this.#tellStatus({ connected: true });
        void this.#enqueue(() => this.#list(this.#first ? "first" : "reconnected"));
      },
      onHint: (hint) => {
        this.status.events++;
        this.#hint(hint);
      },
      onLost: (error) => {
        this.status.lost++;
        this.#tellStatus({ connected: false, error });
      },
    });
    this.#scheduleComparison(this.#options.compareEveryMs ?? 30_000);
  }

  async #reconnect(): Promise<void> {
    const old = this.#watch;
    if (this.#stop.signal.aborted) return;
    this.#connect();
    await old?.close();
  }

  #hint({ key }: ImageHint): void {
    if (key === undefined) this.#all = true;
    else this.#keys.add(key);
    if (this.#lookTimer !== undefined) return;
    this.#lookTimer = this.#options.clock.after(this.#coalesceMs, () => {
      this.#lookTimer = undefined;
      void this.#enqueue(() => this.#look());
    });
  }

  async #look(): Promise<void> {
    const keys = [...this.#keys];
    const all = this.#all || keys.length > mostKeys;
    this.#keys.clear();
    this.#all = false;
    if (all) return this.#list("hint");
    if (keys.length === 0) return;
    this.#coalesceMs = coalesceMs;
    const found = await Promise.all(keys.map((key) => this.#options.engine.find(key, this.#deadline())));
    // A name that is not found may be gone: only the list says so.
    if (found.some((each) => each.length === 0)) return this.#list("hint");
    const images = found.flat();
    for (const { name } of images) this.#suspects.delete(name);
    this.#take(images, []);
  }

  async #compare(): Promise<void> {
    this.status.comparisons++;
    await this.#list("comparison");
  }

  async #list(why: "first" | "reconnected" | "hint" | "comparison"): Promise<void> {
    const began = this.#options.clock.now();
    const { engine, known = [] } = this.#options;
    const listed = await engine.list(this.#deadline());
    // In a storm the engine is not kept busy with lists.
    this.#coalesceMs = Math.min(longestCoalesceMs, Math.max(coalesceMs, 2 * (this.#options.clock.now() - began)));
    this.#failures = 0;
    if (why === "first") {
      const before = new Map(known.map((image) => [image.name, image]));
      const isNews = ({ name, ids }: NamedImage) => known.length > 0 && before.get(name)?.ids[0] !== ids[0];
      const found = await withNamingTimes(engine, listed, isNews, this.#deadline());
      this.#first = false;
      this.#table.begin(found, known, this.#options.clock.now());
      this.#listedAt = began;
      this.#change({ images: this.images, gone: [], whole: true });
      return;
    }
    const found = await withNamingTimes(engine, listed, (image) => this.#table.isNews(image), this.#deadline());
    const changed = this.#take(found, this.#table.missingFrom(found));
    this.#listedAt = began;
    if (why === "hint") for (const name of changed) this.#suspects.delete(name);
    if (why === "comparison" && changed.length > 0) this.#suspect(changed);
  }

  /** Takes what was found; gives the names that are new, mean something else, or are gone. */
  #take(found: readonly NamedImage[], gone: readonly string[]): string[] {
    const images = this.#table.take(found, gone, this.#listedAt, this.#options.clock.now());
    if (images.length > 0 || gone.length > 0) this.#change({ images, gone: [...gone], whole: false });
    return [...images.map(({ name }) => name), ...gone];
  }

  /** What a comparison found is missed, unless its event comes now. */
  #suspect(names: readonly string[]): void {
    for (const name of names) this.#suspects.add(name);
    const timer = this.#options.clock.after(
      graceMs,
      () => {
        this.#timers.delete(timer);
        const missed = names.filter((name) => this.#suspects.delete(name));
        if (missed.length === 0) return;
        this.status.missed += missed.length;
        this.#options.logger.warn("events of images were missed", { images: missed.slice(0, 5), count: missed.length });
        this.#tellStatus({});
        void this.#reconnect();
      },
      { background: true },
    );
    this.#timers.add(timer);
  }

  #change(change: ImageChange): void {
    this.status.images = this.#table.size;
    this.#options.onChange(change);
  }

  #scheduleComparison(delayMs: number): void {
    this.#compareTimer?.cancel();
    if (this.#stop.signal.aborted) return;
    this.#compareTimer = this.#options.clock.after(
      delayMs,
      () => {
        this.#scheduleComparison(this.#options.compareEveryMs ?? 30_000);
        if (this.status.connected && !this.#first) void this.compare();
      },
      { background: true },
    );
  }

  /** One after the other. What fails is tried again, after longer and longer waits; it never ends the process. */
  #enqueue(job: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (this.#stop.signal.aborted) return;
      try {
        await job();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#failed(error);
      }
    });
    return this.#work;
  }

  #failed(error: unknown): void {
    this.#failures++;
    this.#options.logger.warn("images could not be listed", { error: messageOf(error), failures: this.#failures });
    this.#tellStatus({ error });
    // It does not answer, though its connection may stand: a new one tells.
    const delayMs = Math.min(30_000, 250 * 2 ** Math.min(this.#failures, mostTries + 1));
    const timer = this.#options.clock.after(
      delayMs,
      () => {
        this.#timers.delete(timer);
        void this.#reconnect();
      },
      { background: true },
    );
    this.#timers.add(timer);
  }

  #deadline(): AbortSignal {
    return AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#options.callTimeoutMs ?? 10_000)]);
  }

  #tellStatus({ connected, error }: { connected?: boolean; error?: unknown }): void {
    if (connected !== undefined) this.status.connected = connected;
    if (error !== undefined) this.status.error = messageOf(error);
    else if (connected === true) delete this.status.error;
    this.#options.onStatus?.({ ...this.status });
  }
}
