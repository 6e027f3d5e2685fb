import type { Timer } from "@podwright/clock";
import { messageOf, status } from "@podwright/kube";
import type { WatchFrame } from "../request.ts";
import { type Attributes, CompactedError, type Storage } from "../storage/storage.ts";
import { StorageError } from "../storage/storage-error.ts";
import { bookmarkObject, errorFrame, MadeFrame, StoredFrame, type WatchTransform } from "./frame.ts";
import { SharedChange } from "./shared-change.ts";

export interface WatchQuery {
  /** What the keys begin with; ends with "/". */
  prefix: string;
  /** One object only; begins with the prefix. */
  key?: string;
  /** Called with no value read. */
  matches?: (entry: { key: string } & Attributes) => boolean;
  /** Changes after this revision come first. Without it (and without initial events), only those from now on. */
  afterRevision?: number;
  /** Begins with an ADDED for each object as of now, in place of the changes after a revision. */
  sendInitialEvents?: boolean;
  /** Ends the initial events with a bookmark that says so. */
  initialEventsEnd?: boolean;
  /** Bookmarks from time to time, and before the end by time-out. */
  allowBookmarks?: boolean;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** What bookmarks are of: an object of the kind with nothing in it. */
  bookmark: EmptyObject;
  transform?: WatchTransform;
}

/** Only the fields that Go always writes. */
export interface EmptyObject {
  apiVersion: string;
  kind: string;
  [field: string]: unknown;
}

/** What a watch needs of its hub. */
export interface WatchSource {
  readonly storage: Storage;
  readonly freeze: boolean;
  after(delayMs: number, fire: () => void): Timer;
  /** The watch has a reader; false when the hub is closed. */
  started(watch: Watch): boolean;
  /** From now on the watch is to be given each change. */
  live(watch: Watch): void;
  /** No longer. */
  notLive(watch: Watch): void;
  ended(watch: Watch): void;
}

/** Frames wait for a slow reader up to these limits; then it reads the log when it comes back. */
const mostWaitingFrames = 1000;
const mostWaitingBytes = 16 * 1024 * 1024;
/** Objects, or changes, that are read from the storage at a time. */
const batchSize = 500;

/**
 * The events of one watcher. It first reads the objects there are (initial), then the log (catching up); when it has
 * read all, the hub gives it each change (live). A reader that falls behind goes back to reading the log, so nothing
 * is lost unless the log is compacted meanwhile.
 */
export class Watch implements AsyncIterableIterator<WatchFrame> {
  readonly query: WatchQuery;
  readonly #source: WatchSource;
  #state: "unread" | "initial" | "catching up" | "live" | "ending" | "ended" = "unread";
  /** Changes up to this revision are in the queue, or were of no interest. */
  #position: number;
  /** Where the next page of initial events starts. */
  #next: string | undefined;
  #queue: WatchFrame[] = [];
  #waitingBytes = 0;
  #isFirst = true;
  #reader: ((result: IteratorResult<WatchFrame>) => void) | undefined;
  #timeout: Timer | undefined;
  readonly #onAbort = () => void this.return();

  constructor(source: WatchSource, query: WatchQuery) {
    this.#source = source;
    this.query = query;
    this.#position = query.afterRevision ?? source.storage.revision;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event, as soon as there is one. One call at a time. */
  next(): Promise<IteratorResult<WatchFrame>> {
    if (this.#reader !== undefined) return Promise.reject(new Error("a watch has one reader"));
    if (this.#state === "unread") this.#start();
    if (this.#queue.length === 0) this.#fill();
    const frame = this.#queue.shift();
    if (frame !== undefined) return Promise.resolve({ value: frame, done: false });
    if (this.#state === "ending") this.#stop();
    if (this.#state === "ended") return Promise.resolve({ value: undefined, done: true });
    this.#waitingBytes = 0;
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  /** Ends the watch at once: what is waiting is dropped. */
  return(): Promise<IteratorResult<WatchFrame>> {
    this.#stop();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Ends the watch after what is waiting. */
  end(): void {
    if (this.#state === "ended") return;
    this.#leave("ending");
    if (this.#reader !== undefined) this.#stop();
  }

  /** Takes a change, when live. */
  push(shared: SharedChange): void {
    const { revision } = shared.change;
    if (this.#state !== "live" || revision <= this.#position) return;
    const frame = this.#frame(shared);
    if (frame === undefined) return;
    this.#waitingBytes += shared.change.value.length;
    this.#deliver(frame);
    if (this.#queue.length < mostWaitingFrames && this.#waitingBytes < mostWaitingBytes) return;
    this.#position = revision;
    this.#leave("catching up");
  }

  /** Puts in a bookmark, if it is live and wants one. */
  pushBookmark(): void {
    if (this.#state === "live" && this.query.allowBookmarks) {
      this.#deliver(this.#bookmark(this.#source.storage.revision, false));
    }
  }

  #start(): void {
    const { sendInitialEvents, timeoutMs, signal } = this.query;
    this.#state = sendInitialEvents ? "initial" : "catching up";
    if (!this.#source.started(this) || signal?.aborted) {
      this.#stop();
      return;
    }
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (timeoutMs === undefined) return;
    this.#timeout = this.#source.after(timeoutMs, () => {
      this.pushBookmark();
      this.end();
    });
  }

  #stop(): void {
    if (this.#state === "ended") return;
    this.#leave("ended");
    this.#source.ended(this);
    this.#queue = [];
    this.#timeout?.cancel();
    this.query.signal?.removeEventListener("abort", this.#onAbort);
    this.#reader?.({ value: undefined, done: true });
    this.#reader = undefined;
  }

  #leave(state: "catching up" | "ending" | "ended"): void {
    if (this.#state === "live") this.#source.notLive(this);
    this.#state = state;
  }

  #deliver(frame: WatchFrame): void {
    if (this.#reader === undefined) {
      this.#queue.push(frame);
      return;
    }
    const reader = this.#reader;
    this.#reader = undefined;
    this.#waitingBytes = 0;
    reader({ value: frame, done: false });
  }

  /** Reads until there is something to give, or nothing more to read. */
  #fill(): void {
    try {
      while (this.#queue.length === 0) {
        if (this.#state === "initial") this.#readObjects();
        else if (this.#state === "catching up") this.#readChanges();
        else return;
      }
    } catch (error) {
      const isClosed = error instanceof StorageError && error.code === "closed";
      if (!isClosed) this.#queue.push(errorFrame(this.#failure(error)));
      this.#leave("ending");
    }
  }

  #failure(error: unknown) {
    if (error instanceof CompactedError) {
      const message = `too old resource version: ${this.#position} (${error.compactedRevision})`;
      return status.resourceExpired(message).status;
    }
    return status.internalError(messageOf(error)).status;
  }

  #readObjects(): void {
    const { prefix, key, matches, initialEventsEnd } = this.query;
    const { storage, freeze } = this.#source;
    if (this.#next === undefined) this.#position = storage.revision;
    const page = storage.list({
      prefix: key ?? prefix,
      revision: this.#position,
      limit: batchSize,
      matches: (entry) => (key === undefined || entry.key === key) && (matches === undefined || matches(entry)),
      ...(this.#next !== undefined && { start: this.#next }),
    });
    for (const { value } of page.items) this.#queue.push(this.#made("ADDED", new StoredFrame("ADDED", value, freeze)));
    this.#next = page.next;
    if (page.next !== undefined) return;
    this.#state = "catching up";
    if (initialEventsEnd) this.#queue.push(this.#bookmark(this.#position, true));
  }

  #readChanges(): void {
    const { prefix, key } = this.query;
    const { storage, freeze } = this.#source;
    for (const change of storage.changes(key ?? prefix, this.#position)) {
      this.#position = change.revision;
      const frame = this.#frame(new SharedChange(change, freeze));
      if (frame !== undefined && this.#queue.push(frame) >= batchSize) return;
    }
    this.#position = Math.max(this.#position, storage.revision);
    this.#waitingBytes = 0;
    this.#state = "live";
    this.#source.live(this);
  }

  #frame(shared: SharedChange): WatchFrame | undefined {
    const { key, matches, transform } = this.query;
    if (key !== undefined && shared.change.key !== key) return undefined;
    const type = shared.eventType(matches);
    if (type === undefined) return undefined;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return transform && isFirst ? shared.transformed(type, transform, true) : shared.frame(type, transform);
  }

  #bookmark(revision: number, initialEventsEnd: boolean): WatchFrame {
    const object = bookmarkObject(this.query.bookmark, revision, initialEventsEnd);
    return this.#made("BOOKMARK", new MadeFrame("BOOKMARK", () => object));
  }

  /** The frame as this watcher wants it. */
  #made(type: WatchFrame["type"], frame: WatchFrame): WatchFrame {
    const { transform } = this.query;
    if (transform === undefined) return frame;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return new MadeFrame(type, () => transform.apply(frame.object(), isFirst));
  }
}
