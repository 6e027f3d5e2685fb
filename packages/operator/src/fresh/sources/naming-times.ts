import type { NamedImage } from "../image.ts";
import type { ImageEngine } from "./engine.ts";

// Of more than so many nobody is asked one by one.
const mostAsked = 100;
const atOnce = 8;

/**
 * Asks the engine when images were given their names, where its list does not say so. The rest stays as it is, and so
 * does all when there are many. Throws when the engine cannot be asked.
 */
export async function withNamingTimes(
  engine: Pick<ImageEngine, "find">,
  found: readonly NamedImage[],
  isNews: (image: NamedImage) => boolean,
  signal: AbortSignal,
): Promise<readonly NamedImage[]> {
  const news = found.filter((image) => image.namedAt === undefined && isNews(image));
  if (news.length === 0 || news.length > mostAsked) return found;
  const told = new Map<NamedImage, NamedImage>();
  for (let at = 0; at < news.length; at += atOnce) {
    await Promise.all(
      news.slice(at, at + atOnce).map(async (image) => {
        const same = (await engine.find(image.name, signal)).find(({ name }) => name === image.name);
        if (same?.ids[0] === image.ids[0] && same?.namedAt !== undefined) {
          told.set(image, { ...image, namedAt: same.namedAt });
        }
      }),
    );
  }
  return found.map((image) => told.get(image) ?? image);
}
