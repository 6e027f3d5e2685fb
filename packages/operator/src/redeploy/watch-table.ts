import type { ContentKind } from "../content/content-index.ts";
import { formatReference, type Reference } from "./annotation.ts";

/** A reference with the namespace it is meant in. */
export interface Watched {
  /** How state and events name it: "configmap/a#level", with "NAMESPACE/" in front where it is not the workload's. */
  text: string;
  kind: ContentKind;
  namespace: string;
  name: string;
  key?: string;
}

/** Which workloads watch which ConfigMaps and Secrets, both ways. */
export class WatchTable {
  readonly #watched = new Map<string, readonly Watched[]>();
  readonly #watchers = new Map<string, Set<string>>();

  /** Replaces what a workload watches; nothing takes it out. */
  set(workload: string, watched: readonly Watched[]): void {
    for (const { kind, namespace, name } of this.of(workload)) {
      const content = contentKeyOf(kind, namespace, name);
      const watchers = this.#watchers.get(content);
      watchers?.delete(workload);
      if (watchers?.size === 0) this.#watchers.delete(content);
    }
    if (watched.length === 0) {
      this.#watched.delete(workload);
      return;
    }
    this.#watched.set(workload, watched);
    for (const { kind, namespace, name } of watched) {
      const content = contentKeyOf(kind, namespace, name);
      const watchers = this.#watchers.get(content);
      if (watchers === undefined) this.#watchers.set(content, new Set([workload]));
      else watchers.add(workload);
    }
  }

  of(workload: string): readonly Watched[] {
    return this.#watched.get(workload) ?? [];
  }

  watchersOf(kind: ContentKind, namespace: string, name: string): Iterable<string> {
    return this.#watchers.get(contentKeyOf(kind, namespace, name)) ?? [];
  }
}

/** `home` is the workload's namespace, `namespace` the one in which the names are meant. */
export function watchedIn(references: readonly Reference[], namespace: string, home: string): Watched[] {
  return references.map((reference) => ({
    ...reference,
    namespace,
    text: namespace === home ? formatReference(reference) : `${namespace}/${formatReference(reference)}`,
  }));
}

function contentKeyOf(kind: ContentKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}
