import type { ContentChange, ContentEntry, ContentKind } from "../content/content-index.ts";
import { reflectorKey } from "./secret-reflector.ts";

/** "Secret/team-a/registry". */
export function copyKey(kind: ContentKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

/** The reflector a ConfigMap or Secret is a copy of, as NAMESPACE/NAME. */
export function ownerOf(entry: ContentEntry | undefined): string | undefined {
  return entry?.annotations[reflectorKey];
}

/** Which copies there are, by their reflector, and which reflectors wait for a name that another object has. */
export class CopyRegistry {
  readonly #copies = new Map<string, Map<string, ContentEntry>>();
  readonly #waiting = new Map<string, Set<string>>();

  /** Takes a change; gives the reflectors that should have a look. */
  note({ kind, namespace, name, entry, old }: ContentChange): Set<string> {
    const key = copyKey(kind, namespace, name);
    const before = ownerOf(old);
    const after = ownerOf(entry);
    const concerned = new Set(this.#waiting.get(key));
    if (before !== undefined) {
      concerned.add(before);
      const copies = this.#copies.get(before);
      copies?.delete(key);
      if (copies?.size === 0) this.#copies.delete(before);
    }
    if (after !== undefined && entry !== undefined) {
      concerned.add(after);
      const copies = this.#copies.get(after);
      if (copies === undefined) this.#copies.set(after, new Map([[key, entry]]));
      else copies.set(key, entry);
    }
    return concerned;
  }

  copiesOf(reflector: string): ReadonlyMap<string, ContentEntry> {
    return this.#copies.get(reflector) ?? new Map();
  }

  /** The reflector wants these names and cannot have them; replaces what it waited for before. */
  wait(reflector: string, keys: ReadonlySet<string>): void {
    for (const [key, reflectors] of this.#waiting) {
      if (keys.has(key) || !reflectors.delete(reflector)) continue;
      if (reflectors.size === 0) this.#waiting.delete(key);
    }
    for (const key of keys) {
      const reflectors = this.#waiting.get(key);
      if (reflectors === undefined) this.#waiting.set(key, new Set([reflector]));
      else reflectors.add(reflector);
    }
  }
}
