import type { WatchFrame } from "../request.ts";
import type { Change } from "../storage/storage.ts";
import { MadeFrame, StoredFrame, type WatchTransform, withResourceVersion } from "./frame.ts";
import type { WatchQuery } from "./watch.ts";

export type EventType = "ADDED" | "MODIFIED" | "DELETED";

/** One change with its frames, each encoded at most once for all watchers that see the same. */
export class SharedChange {
  readonly change: Change;
  readonly #freeze: boolean;
  /** By event type, then transform. */
  readonly #frames = new Map<string, WatchFrame>();

  constructor(change: Change, freeze: boolean) {
    this.change = change;
    this.#freeze = freeze;
  }

  /** What the change is to a watcher with this selector: k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go. */
  eventType(matches: WatchQuery["matches"]): EventType | undefined {
    const { change } = this;
    const { previous } = change;
    const was = previous !== undefined && (matches === undefined || matches({ key: change.key, ...previous }));
    if (change.type === "delete") return was ? "DELETED" : undefined;
    const is = matches === undefined || matches(change);
    if (is) return was ? "MODIFIED" : "ADDED";
    return was ? "DELETED" : undefined;
  }

  frame(type: EventType, transform: WatchTransform | undefined): WatchFrame {
    const name = transform === undefined ? type : `${type} ${transform.name}`;
    let frame = this.#frames.get(name);
    if (frame === undefined) {
      frame = transform === undefined ? this.#stored(type) : this.transformed(type, transform, false);
      this.#frames.set(name, frame);
    }
    return frame;
  }

  /** A frame for one watcher, or the one to share. */
  transformed(type: EventType, transform: WatchTransform, first: boolean): WatchFrame {
    const stored = this.frame(type, undefined);
    return new MadeFrame(type, () => transform.apply(stored.object(), first));
  }

  #stored(type: EventType): WatchFrame {
    const { change } = this;
    // An object that leaves the selection is shown as it was when it was in it.
    const left = type === "DELETED" && change.type === "put" && change.previous !== undefined;
    const value = left ? withResourceVersion(change.previous!.value(), change.revision) : change.value;
    return new StoredFrame(type, value, this.#freeze);
  }
}
