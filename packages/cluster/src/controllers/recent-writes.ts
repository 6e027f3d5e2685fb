import type { Clock, Informer } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { controllerOf } from "../owner-references.ts";

/** What a controller wrote and its informer has not shown yet is believed for so long. */
const beliefMs = 60_000;
const rememberedDeletions = 1024;

/**
 * A controller's own writes, until its informer has seen them. Reading the informer through it, a controller
 * never acts twice on one cause: it takes the place of upstream's expectations
 * (k8s.io/kubernetes/pkg/controller/controller_utils.go).
 *
 * Versions are compared as numbers, which is what they are by now (KEP-5504, comparable resource versions).
 */
export class RecentWrites<T extends KubeObject> {
  readonly #written = new Map<string, { object: T | undefined; version: number; until: number }>();
  /** Deletions that were seen, for answers that arrive after them. */
  readonly #gone = new Set<string>();
  readonly #informer: Informer<T>;
  readonly #clock: Clock;

  constructor(informer: Informer<T>, clock: Clock) {
    this.#informer = informer;
    this.#clock = clock;
    const seen = (object: T): void => {
      const write = this.#written.get(object.metadata.uid ?? "");
      if (write !== undefined && versionOf(object) >= write.version) this.#written.delete(object.metadata.uid ?? "");
    };
    informer.onChange({
      added: seen,
      updated: seen,
      deleted: (object) => {
        const uid = object.metadata.uid ?? "";
        this.#written.delete(uid);
        this.#gone.add(uid);
        if (this.#gone.size > rememberedDeletions)
          for (const oldest of this.#gone) {
            this.#gone.delete(oldest);
            break;
          }
      },
    });
  }

  /** Remembers the answer to a create, update or patch. */
  wrote(object: T): void {
    const uid = object.metadata.uid ?? "";
    if (this.#gone.has(uid)) return;
    const cached = this.#informer.get(object.metadata.name ?? "", object.metadata.namespace);
    if (cached !== undefined && cached.metadata.uid === uid && versionOf(cached) >= versionOf(object)) return;
    this.#written.set(uid, {
      object,
      version: versionOf(object),
      until: this.#clock.now() + beliefMs,
    });
  }

  /** Remembers that the object is gone. */
  deleted(object: T): void {
    if (this.#gone.has(object.metadata.uid ?? "")) return;
    this.#written.set(object.metadata.uid ?? "", {
      object: undefined,
      version: Number.POSITIVE_INFINITY,
      until: this.#clock.now() + beliefMs,
    });
  }

  /** The object of a work queue's key as it is now. One that only was written, and not shown yet, is not found. */
  get(key: string): T | undefined {
    const cached = this.#informer.getByKey(key);
    return cached && this.newest(cached);
  }

  /** What the owner controls, and the orphans of its namespace. The informer has to have the index "controller". */
  ofOwner({ metadata: { uid = "", namespace } }: KubeObject): T[] {
    const cached = [...this.#informer.by("controller", uid), ...this.#informer.by("controller", `orphan/${namespace}`)];
    return this.merge(cached, (object) => controllerOf(object)?.uid === uid);
  }

  /** The informer's object, or the newer one that was written; undefined when it was deleted. */
  newest(cached: T): T | undefined {
    const write = this.#believed(cached.metadata.uid ?? "");
    if (write === undefined) return cached;
    return write.object === undefined || versionOf(cached) < write.version ? write.object : cached;
  }

  /** The informer's objects brought up to date, with those it has not shown yet and that `belongs` accepts. */
  merge(cached: readonly T[], belongs: (object: T) => boolean): T[] {
    if (this.#written.size === 0) return [...cached];
    const merged: T[] = [];
    const present = new Set<string>();
    for (const object of cached) {
      present.add(object.metadata.uid ?? "");
      const newest = this.newest(object);
      if (newest !== undefined) merged.push(newest);
    }
    for (const uid of [...this.#written.keys()]) {
      if (present.has(uid)) continue;
      const object = this.#believed(uid)?.object;
      if (object !== undefined && belongs(object)) merged.push(object);
    }
    return merged;
  }

  #believed(uid: string): { object: T | undefined; version: number } | undefined {
    const write = this.#written.get(uid);
    if (write !== undefined && write.until <= this.#clock.now()) {
      this.#written.delete(uid);
      return undefined;
    }
    return write;
  }
}

function versionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion ?? 0);
}
