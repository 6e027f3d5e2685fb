import { objectKey } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { ContentHasher } from "../content/content-hash.ts";
import type { ContentEntry } from "../content/content-index.ts";
import { renderedKeys, takenKeys } from "./copy.ts";
import type { ReflectionRules } from "./reflection-rules.ts";
import type { SecretReflector } from "./secret-reflector.ts";

/** A source, read when something is to be written of it, and not kept. */
export interface Source {
  entry: ContentEntry;
  read(): Promise<KubeObject>;
}

/** The hashes of what copies should hold. A source is read only where templates are to be rendered anew. */
export class CopyHashes {
  readonly #hasher: ContentHasher;
  /** By reflector, source and namespace: hashes of rendered values. */
  readonly #rendered = new Map<string, Map<string, { of: string; hashes: ReadonlyMap<string, string> }>>();

  constructor(hasher: ContentHasher) {
    this.#hasher = hasher;
  }

  /** Each key of a copy in the target namespace with the hash of its value. */
  async of(
    reflector: SecretReflector,
    rules: ReflectionRules,
    source: Source,
    target: string,
  ): Promise<ReadonlyMap<string, string>> {
    const { entry } = source;
    const keys = new Map<string, string>();
    for (const [name, old] of takenKeys(reflector.spec.copy ?? {}, entry.keys.keys())) {
      keys.set(name, entry.keys.get(old) as string);
    }
    if (rules.template.size === 0) return keys;
    const of = `${entry.uid} ${entry.resourceVersion} ${reflector.metadata.uid} ${reflector.metadata.generation}`;
    const differs = [...rules.template.values()].some(({ usesTarget }) => usesTarget);
    const id = `${entry.name}/${differs ? target : ""}`;
    const key = objectKey(reflector);
    let known = this.#rendered.get(key)?.get(id);
    if (known?.of !== of) {
      const object = await source.read();
      const hashes = new Map<string, string>();
      for (const [name, text] of renderedKeys(rules, object, target)) hashes.set(name, this.#hasher.of(text));
      known = { of, hashes };
      const cache = this.#rendered.get(key) ?? new Map();
      this.#rendered.set(key, cache.set(id, known));
    }
    for (const [name, hash] of known.hashes) keys.set(name, hash);
    return keys;
  }

  /** The reflector has gone. */
  forget(reflector: string): void {
    this.#rendered.delete(reflector);
  }
}
