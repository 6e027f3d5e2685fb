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

  /** Whether the name is new, or means something else than when it was seen last. */
  isNews(image: NamedImage): boolean {
    const old = this.#images.get(image.name);
    return old === undefined || !sameImage(old, image);
  }

  /** Takes the first list: nothing of it has appeared just now, but for what differs from what was known before. */
  begin(found: readonly NamedImage[], known: readonly TrackedImage[], now: number): void {
    const before = new Map(known.map((image) => [image.name, image]));
    // They were known, so they were looked at later than this.
    const since = known.reduce((latest, { appearedAt }) => Math.max(latest, appearedAt), 0);
    for (const image of found) {
      const old = before.get(image.name);
      if (old !== undefined && sameImage(old, image)) this.#images.set(image.name, { ...image, ...timesOf(old) });
      else if (known.length > 0) this.#images.set(image.name, appeared(image, old?.ids, since, now));
      else this.#images.set(image.name, { ...image, appearedAt: image.namedAt ?? image.builtAt ?? 0 });
    }
  }

  /**
   * Takes what was found, and names that are gone; gives the images that are new, or mean something else.
   *
   * @param since when all images were looked at before
   */
  take(found: readonly NamedImage[], gone: readonly string[], since: number, now: number): TrackedImage[] {
    const images: TrackedImage[] = [];
    for (const image of found) {
      const old = this.#images.get(image.name);
      if (old !== undefined && sameImage(old, image)) continue;
      const tracked = appeared(image, old?.ids ?? this.#tombstones.get(image.name), since, now);
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

/**
 * It has appeared when the engine says so, which puts those in order that are found in one look. What it says is no
 * answer where it is not between two looks: clocks are set, and reproducible builds have times of their own.
 */
function appeared(
  image: NamedImage,
  replaced: readonly string[] | undefined,
  since: number,
  now: number,
): TrackedImage {
  const { namedAt } = image;
  const appearedAt = namedAt !== undefined && namedAt >= since && namedAt <= now ? namedAt : now;
  const replacedIds = replaced?.filter((id) => !image.ids.includes(id)) ?? [];
  return { ...image, appearedAt, ...(replacedIds.length === 0 ? {} : { replacedIds }) };
}

function sameImage(a: NamedImage, b: NamedImage): boolean {
  return a.ids.join() === b.ids.join() && a.outside === b.outside;
}

function timesOf({ appearedAt, replacedIds }: TrackedImage): Pick<TrackedImage, "appearedAt" | "replacedIds"> {
  return { appearedAt, ...(replacedIds === undefined ? {} : { replacedIds }) };
}
