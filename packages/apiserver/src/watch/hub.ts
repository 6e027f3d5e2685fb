import { type Clock, systemClock, type Timer } from "@podwright/clock";
import type { WatchFrame } from "../request.ts";
import type { Change, Storage } from "../storage/storage.ts";
import { SharedChange } from "./shared-change.ts";
import { Watch, type WatchQuery, type WatchSource } from "./watch.ts";

export interface WatchHubOptions {
  storage: Storage;
  clock?: Clock;
  /** How often watchers that allow it get a bookmark. */
  bookmarkIntervalMs?: number;
  /** For tests: a reader that changes a shared object throws. */
  freeze?: boolean;
}

/**
 * Gives each change in the storage to those who watch it. It listens to the storage only while there are live
 * watches, and has a timer only while one of them wants bookmarks.
 */
export class WatchHub {
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #bookmarkIntervalMs: number;
  readonly #freeze: boolean;
  /** All that are being read. */
  readonly #watches = new Set<Watch>();
  /** Live ones by what they watch: a key, or a prefix of keys up to a "/". */
  readonly #live = new Map<string, Set<Watch>>();
  #unsubscribe: (() => void) | undefined;
  #bookmarkTimer: Timer | undefined;
  #isClosed = false;

  constructor({ storage, clock = systemClock, bookmarkIntervalMs = 60_000, freeze = false }: WatchHubOptions) {
    this.#storage = storage;
    this.#clock = clock;
    this.#bookmarkIntervalMs = bookmarkIntervalMs;
    this.#freeze = freeze;
  }

  /**
   * The events of what the query names, without gap or repetition, in revision order. Nothing happens, and nothing
   * is held, until it is read. It ends by `return()`, the signal, the time-out, the hub's closing, or after an ERROR
   * event: Status 410 Expired when its revision has been compacted.
   */
  watch(query: WatchQuery): AsyncIterableIterator<WatchFrame> {
    if (!query.prefix.endsWith("/")) throw new TypeError(`the prefix of a watch must end with "/": ${query.prefix}`);
    return new Watch(this.#source(), query);
  }

  /** Ends all watches, after the events they have waiting; later ones end at once. */
  close(): void {
    this.#isClosed = true;
    for (const watch of this.#watches) watch.end();
  }

  #source(): WatchSource {
    return {
      storage: this.#storage,
      freeze: this.#freeze,
      after: (delayMs, fire) => this.#clock.after(delayMs, fire, { background: true }),
      started: (watch) => {
        if (!this.#isClosed) this.#watches.add(watch);
        return !this.#isClosed;
      },
      live: (watch) => this.#join(watch),
      notLive: (watch) => this.#leave(watch),
      ended: (watch) => this.#watches.delete(watch),
    };
  }

  #join(watch: Watch): void {
    const { prefix, key = prefix, allowBookmarks } = watch.query;
    const watches = this.#live.get(key);
    if (watches === undefined) this.#live.set(key, new Set([watch]));
    else watches.add(watch);
    this.#unsubscribe ??= this.#storage.subscribe((change) => this.#dispatch(change));
    if (allowBookmarks) this.#bookmarkTimer ??= this.#nextBookmark();
  }

  #leave(watch: Watch): void {
    const { prefix, key = prefix } = watch.query;
    const watches = this.#live.get(key);
    watches?.delete(watch);
    if (watches?.size === 0) this.#live.delete(key);
    if (this.#live.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#bookmarkTimer?.cancel();
    this.#bookmarkTimer = undefined;
  }

  /** Looks up the watches of the key and of each prefix of it, so that others cost nothing. */
  #dispatch(change: Change): void {
    const shared = new SharedChange(change, this.#freeze);
    const { key } = change;
    for (let slash = key.indexOf("/"); slash >= 0; slash = key.indexOf("/", slash + 1)) {
      this.#push(key.slice(0, slash + 1), shared);
    }
    this.#push(key, shared);
  }

  #push(path: string, shared: SharedChange): void {
    const watches = this.#live.get(path);
    if (watches !== undefined) for (const watch of watches) watch.push(shared);
  }

  #nextBookmark(): Timer {
    const fire = () => {
      for (const watches of this.#live.values()) for (const watch of watches) watch.pushBookmark();
      this.#bookmarkTimer = this.#nextBookmark();
    };
    return this.#clock.after(this.#bookmarkIntervalMs, fire, { background: true });
  }
}
