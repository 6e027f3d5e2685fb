import { objectKey } from "@podwright/client";
import type { ContentChange, ContentIndex } from "../content/content-index.ts";
import { type copyMetadata, copyObject, isAsWanted, renderedKeys, type WantedCopy } from "./copy.ts";
import { CopyHashes, type Source } from "./copy-hashes.ts";
import { copyKey, ownerOf } from "./copy-registry.ts";
import type { CopyWriter, WriteOutcome } from "./copy-writer.ts";
import type { ReflectionRules } from "./reflection-rules.ts";
import type { SecretReflector } from "./secret-reflector.ts";

/** Where a copy is to be, and what it has of its reflector and source. */
export interface CopyPlace {
  namespace: string;
  name: string;
  metadata: ReturnType<typeof copyMetadata>;
}

/** Puts single copies right, and knows which of them were just written. */
export class CopyKeeper {
  readonly #content: ContentIndex;
  readonly #writer: CopyWriter;
  readonly #hashes: CopyHashes;
  /** By copy: the version that was there when it was written; until another is seen, what is seen is old. */
  readonly #written = new Map<string, string | undefined>();

  constructor(content: ContentIndex, writer: CopyWriter) {
    this.#content = content;
    this.#writer = writer;
    this.#hashes = new CopyHashes(content.hasher);
  }

  /** Takes note of what a copy, or anything else, is now. */
  seen({ kind, namespace, name, entry }: ContentChange): void {
    const key = copyKey(kind, namespace, name);
    if (this.#written.has(key) && this.#written.get(key) !== entry?.resourceVersion) this.#written.delete(key);
  }

  /** The reflector has gone. */
  forget(reflector: string): void {
    this.#hashes.forget(reflector);
  }

  /** Writes a copy unless it is as wanted already, which counts as "written". */
  async keep(
    reflector: SecretReflector,
    rules: ReflectionRules,
    source: Source,
    { namespace, name, metadata }: CopyPlace,
  ): Promise<WriteOutcome> {
    const { kind } = rules;
    const there = this.#content.get(kind, namespace, name);
    if (there !== undefined && ownerOf(there) !== objectKey(reflector)) return "taken";
    const id = copyKey(kind, namespace, name);
    if (this.#written.has(id) && this.#written.get(id) === there?.resourceVersion) return "written";
    const keys = await this.#hashes.of(reflector, rules, source, namespace);
    const wanted: WantedCopy = { kind, namespace, name, keys, ...metadata };
    if (there !== undefined && isAsWanted(there, wanted)) return "written";
    const object = await source.read();
    const copy = copyObject(wanted, reflector.spec.copy ?? {}, object, renderedKeys(rules, object, namespace));
    this.#written.set(id, there?.resourceVersion);
    let outcome: WriteOutcome | undefined;
    try {
      outcome = there === undefined ? await this.#writer.create(copy) : await this.#writer.replace(copy, there);
      return outcome;
    } finally {
      if (outcome !== "written") this.#written.delete(id);
    }
  }
}
