import { invalidField } from "../problem.ts";

/** Where a run stands in lists: the newest first, those of one moment by name. */
export interface RunPlace {
  /** When the service took the request, ms since 1970. */
  at: number;
  name: string;
}

/** Negative when `a` comes before `b`. */
export function comparePlaces(a: RunPlace, b: RunPlace): number {
  if (a.at !== b.at) return b.at - a.at;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** A place as a text that means nothing to its reader. */
export function cursorOf({ at, name }: RunPlace): string {
  return Buffer.from(`${at} ${name}`).toString("base64url");
}

/** The inverse of {@link cursorOf}. Throws a Problem for what is none. */
export function readCursor(cursor: string): RunPlace {
  const match = /^(\d{1,15}) ([a-z0-9.-]{1,253})$/.exec(Buffer.from(cursor, "base64url").toString("utf8"));
  if (match === null) throw invalidField("cursor", "is none that this service gave");
  return { at: Number(match[1]), name: match[2] as string };
}

/** Runs of one tenant in their order. Adding the newest is cheap, and so is a page from anywhere. */
export class SortedRuns<T extends RunPlace> {
  // The oldest first: what comes last is the newest, and goes to the end.
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** Puts an item in, in the place of the one that stands there. */
  set(item: T): void {
    const at = this.#find(item);
    const there = this.#items[at];
    if (there !== undefined && comparePlaces(there, item) === 0) this.#items[at] = item;
    else this.#items.splice(at, 0, item);
  }

  delete(place: RunPlace): void {
    const at = this.#find(place);
    const there = this.#items[at];
    if (there !== undefined && comparePlaces(there, place) === 0) this.#items.splice(at, 1);
  }

  /** From the newest, or from the one after a place, in order. */
  *from(after: RunPlace | undefined): Generator<T, void, undefined> {
    let at = after === undefined ? this.#items.length : this.#find(after);
    while (--at >= 0) yield this.#items[at] as T;
  }

  // The index of the place, or where it would be.
  #find(place: RunPlace): number {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (comparePlaces(this.#items[middle] as T, place) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
