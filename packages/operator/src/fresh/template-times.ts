import type { Workload } from "./workload.ts";

/** When somebody else than us set the images of templates: what they set is kept until something appears after it. */
export class TemplateTimes {
  readonly #known = new Map<string, { uid: string; images: string; at: number }>();
  /** The images of templates as we are about to make them. */
  readonly #expected = new Map<string, string>();

  /** Takes a workload as it is now. What was there when we came is as old as its managed fields say, to the second. */
  note(key: string, workload: Workload, now: number): void {
    const uid = workload.metadata.uid as string;
    const images = imagesOf(workload);
    const known = this.#known.get(key);
    if (known === undefined || known.uid !== uid) this.#known.set(key, { uid, images, at: workload.templateSetAt });
    else if (known.images !== images) {
      const ours = this.#expected.get(key) === images;
      this.#known.set(key, { uid, images, at: ours ? known.at : now });
    }
  }

  /** We are about to make the containers so. */
  expect(key: string, workload: Pick<Workload, "containers">): void {
    this.#expected.set(key, imagesOf(workload));
  }

  /** Milliseconds since 1970; 0 for what is not known. */
  at(key: string): number {
    return this.#known.get(key)?.at ?? 0;
  }

  forget(key: string): void {
    this.#known.delete(key);
    this.#expected.delete(key);
  }
}

/** The images of a template, and what its pods were restarted for. */
export function imagesOf({ containers }: Pick<Workload, "containers">): string {
  return containers.map(({ name, image, pinnedId = "" }) => `${name}=${image}#${pinnedId}`).join();
}
