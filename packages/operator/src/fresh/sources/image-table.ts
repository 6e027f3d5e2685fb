import type { NamedImage, TrackedImage } from "../image.ts";
import { Tombstones } from "./tombstones.ts";

const mostTombstones = 1_000;

/** The images of an engine as they were seen last, and when each name came to mean what it means. */
export class ImageTable {
  readonly #images = new Map<string, TrackedImage>();
  readonly #tombstones = new Tombstones(mostTombstones);

  get size(): number {
    return this.#images.size;
  }

  images(): TrackedImage[] {
    return [...this.#images.values()];
  }

  /** The names that are not among these. */
  missingFrom(found: readonly NamedImage[]): string[] {
    const names = new Set(found.map(({ name }) => name));
    return [...this.#images.keys()].filter((name) => !names.has(name));
  }

  /** Takes the first list: nothing of it has appeared just now, but for what differs from what was known before. */
  begin(found: readonly NamedImage[], known: readonly TrackedImage[], now: number): void {
    const before = new Map(known.map((image) => [image.name, image]));
    for (const image of found) {
      const old = before.get(image.name);
      if (old !== undefined && sameImage(old, image)) this.#images.set(image.name, { ...image, ...timesOf(old) });
      else if (known.length > 0) this.#images.set(image.name, appeared(image, old?.ids, now));
      else this.#images.set(image.name, { ...image, appearedAt: image.namedAt ?? image.builtAt ?? 0 });
    }
  }

  /** Takes what was found, and names that are gone; gives the images that are new, or mean something else. */
  take(found: readonly NamedImage[], gone: readonly string[], now: number): TrackedImage[] {
    const images: TrackedImage[] = [];
    for (const image of found) {
      const old = this.#images.get(image.name);
      if (old !== undefined && sameImage(old, image)) continue;
      const tracked = appeared(image, old?.ids ?? this.#tombstones.get(image.name), now);
      // The same content that comes again has not appeared anew, nor one that is brought to where nodes look.
      if (old !== undefined && old.ids[0] === image.ids[0]) Object.assign(tracked, timesOf(old));
      this.#images.set(image.name, tracked);
      images.push(tracked);
    }
    for (const name of gone) {
      const ids = this.#images.get(name)?.ids;
      this.#images.delete(name);
      if (ids !== undefined) this.#tombstones.add(name, ids);
    }
    return images;
  }
}

function appeared(image: NamedImage, replaced: readonly string[] | undefined, appearedAt: number): TrackedImage {
  const replacedIds = replaced?.filter((id) => !image.ids.includes(id)) ?? [];
  return { ...image, appearedAt, ...(replacedIds.length === 0 ? {} : { replacedIds }) };
}

function sameImage(a: NamedImage, b: NamedImage): boolean {
  return a.ids.join() === b.ids.join() && a.outside === b.outside;
}

function timesOf({ appearedAt, replacedIds }: TrackedImage): Pick<TrackedImage, "appearedAt" | "replacedIds"> {
  return { appearedAt, ...(replacedIds === undefined ? {} : { replacedIds }) };
}
