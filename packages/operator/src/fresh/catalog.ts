import { type Candidate, type SourceKind, sameContent, type TrackedImage } from "./image.ts";
import { type Reference, repositoryOf, tryReference } from "./reference.ts";

/** Whose images they are. */
export interface View {
  source: SourceKind;
  /** The node that has them; undefined: all nodes have them. */
  node?: string;
  /** They are in their registries, and nodes may pull them. */
  pullable?: boolean;
}

interface Held {
  view: string;
  image: TrackedImage;
  reference: Reference;
}

/** Told the repository in which something has changed, and when the latest of it appeared where something has. */
export type CatalogHandler = (repository: string, appearedAt: number | undefined) => void;

/**
 * All images that are known, by their repository, from all views: a view is what one machine or registry has.
 * Names that are no image references are left out.
 */
export class ImageCatalog {
  readonly #views = new Map<string, View>();
  /** By repository, then by view and name. */
  readonly #repositories = new Map<string, Map<string, Held>>();
  /** The images of each view, by name. */
  readonly #images = new Map<string, Map<string, TrackedImage>>();
  readonly #handlers = new Set<CatalogHandler>();

  /** How many names are held. */
  get size(): number {
    let size = 0;
    for (const images of this.#images.values()) size += images.size;
    return size;
  }

  /** The nodes that report their images. */
  nodes(): Set<string> {
    return new Set([...this.#views.values()].flatMap(({ node }) => (node === undefined ? [] : [node])));
  }

  /** Whether one of the views holds for all nodes. */
  get coversAllNodes(): boolean {
    return [...this.#views.values()].some(({ node, source }) => node === undefined && source !== "registry");
  }

  has(repository: string): boolean {
    return this.#repositories.has(repository);
  }

  /** Takes all that a view has; what it had besides is gone. */
  replace(name: string, view: View, images: readonly TrackedImage[]): void {
    const before = this.#images.get(name) ?? new Map<string, TrackedImage>();
    this.#views.set(name, view);
    if (!this.#images.has(name)) this.#images.set(name, before);
    const touched: Touched = new Map();
    const left = new Set(before.keys());
    for (const image of images) {
      left.delete(image.name);
      this.#set(name, image, touched);
    }
    for (const gone of left) this.#remove(name, gone, touched);
    this.#tell(touched);
  }

  /** Takes what has changed in a view: images, and names that are gone. */
  change(name: string, view: View, images: readonly TrackedImage[], gone: readonly string[]): void {
    this.#views.set(name, view);
    if (!this.#images.has(name)) this.#images.set(name, new Map());
    const touched: Touched = new Map();
    for (const image of images) this.#set(name, image, touched);
    for (const each of gone) this.#remove(name, each, touched);
    this.#tell(touched);
  }

  drop(name: string): void {
    const touched: Touched = new Map();
    for (const image of [...(this.#images.get(name)?.keys() ?? [])]) this.#remove(name, image, touched);
    this.#images.delete(name);
    this.#views.delete(name);
    this.#tell(touched);
  }

  /** The images of a repository; the same name and content of several views is one. */
  candidates(repository: string): Candidate[] {
    const found = new Map<string, { candidate: Candidate; nodes: Set<string> | undefined }>();
    for (const { view: viewName, image, reference } of this.#repositories.get(repository)?.values() ?? []) {
      const view = this.#views.get(viewName) as View;
      const key = `${image.name}\n${image.ids[0]}`;
      const known = found.get(key) ?? find(found, image);
      if (known === undefined) {
        const { name, ids, appearedAt, builtAt, revision, replacedIds } = image;
        const nodes = nodesOf(view, image);
        const candidate: Candidate = {
          name,
          reference,
          ids,
          appearedAt,
          source: view.source,
          ...(builtAt === undefined ? {} : { builtAt }),
          ...(revision === undefined ? {} : { revision }),
          ...(replacedIds === undefined ? {} : { replacedIds }),
          ...(nodes === undefined ? {} : { nodes }),
          ...(view.pullable ? { pullable: true } : {}),
          ...(image.outside === undefined ? {} : { outside: image.outside }),
        };
        found.set(key, { candidate, nodes });
        continue;
      }
      const { candidate } = known;
      const nodes = nodesOf(view, image);
      if (nodes === undefined) delete candidate.nodes;
      else for (const node of nodes) known.nodes?.add(node);
      candidate.appearedAt = Math.min(candidate.appearedAt, image.appearedAt);
      if (view.pullable) candidate.pullable = true;
      if (image.ids.some((id) => !candidate.ids.includes(id))) {
        candidate.ids = [...new Set([...candidate.ids, ...image.ids])];
      }
    }
    return [...found.values()].map(({ candidate }) => candidate);
  }

  /** Gives a function that ends it. */
  onChange(handler: CatalogHandler): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  #set(view: string, image: TrackedImage, touched: Touched): void {
    const images = this.#images.get(view) as Map<string, TrackedImage>;
    const before = images.get(image.name);
    if (before === image) return;
    const reference = tryReference(image.name);
    if (reference?.tag === undefined || reference.digest !== undefined || image.ids.length === 0) return;
    const repository = repositoryOf(reference);
    images.set(image.name, image);
    const held = this.#repositories.get(repository);
    const entry = { view, image, reference };
    if (held === undefined) this.#repositories.set(repository, new Map([[`${view}\n${image.name}`, entry]]));
    else held.set(`${view}\n${image.name}`, entry);
    if (before !== undefined && equal(before, image)) return;
    touched.set(repository, Math.max(touched.get(repository) ?? 0, image.appearedAt));
  }

  #remove(view: string, name: string, touched: Touched): void {
    if (this.#images.get(view)?.delete(name) !== true) return;
    const repository = repositoryOf(tryReference(name) as Reference);
    const held = this.#repositories.get(repository);
    held?.delete(`${view}\n${name}`);
    if (held?.size === 0) this.#repositories.delete(repository);
    touched.set(repository, touched.get(repository));
  }

  #tell(touched: Touched): void {
    for (const [repository, appearedAt] of touched) {
      for (const handler of [...this.#handlers]) handler(repository, appearedAt);
    }
  }
}

/** When the latest appeared that is new in a repository; undefined where images are gone from it. */
type Touched = Map<string, number | undefined>;

function find<T extends { candidate: Candidate }>(found: ReadonlyMap<string, T>, image: TrackedImage): T | undefined {
  for (const each of found.values()) {
    if (each.candidate.name === image.name && sameContent(each.candidate.ids, image.ids)) return each;
  }
  return undefined;
}

function nodesOf({ node }: View, { outside }: TrackedImage): Set<string> | undefined {
  if (outside !== undefined) return new Set();
  return node === undefined ? undefined : new Set([node]);
}

function equal(a: TrackedImage, b: TrackedImage): boolean {
  return a.ids.join() === b.ids.join() && a.appearedAt === b.appearedAt && a.outside === b.outside;
}
