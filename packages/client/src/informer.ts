import type { KubeObject } from "@podwright/kube";
import type { ObjectVersion } from "@podwright/kube/watch-event";
import { ListWatch, type ListWatchMetrics, type ListWatchOptions } from "./list-watch.ts";
import { type Logger, silentLogger } from "./logger.ts";
import { type IndexFunction, ObjectStore, objectKey } from "./object-store.ts";
import type { ResourceClient } from "./resource-client.ts";

export interface InformerOptions<T extends KubeObject> extends ListWatchOptions {
  /** false: objects have no metadata.managedFields, often a third of an object; watches do not even read them. Default true. */
  managedFields?: boolean;
  indexes?: Record<string, IndexFunction<T>>;
  /**
   * What to keep of each object: return it, or a smaller copy. It must keep metadata's name, namespace, uid and
   * resourceVersion, and must not change its argument, which others share.
   */
  transform?: (object: T) => T;
}

/** What changes tell. Called at once, in the server's order, after the store shows the change. */
export interface ChangeHandler<T extends KubeObject> {
  added?(object: T): void;
  updated?(object: T, old: T): void;
  /** The last state there was. */
  deleted?(object: T): void;
}

/** The object without metadata.managedFields. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (object.metadata.managedFields === undefined) return object;
  const { managedFields: _dropped, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/**
 * A copy of a resource's objects in memory that follows the server, and tells of changes. Its objects are shared:
 * never change them. Updates that change nothing (the same resourceVersion) are not told. What was missed while
 * the connection was down is found by comparison and told like any other change.
 * Behaviour: k8s.io/client-go/tools/cache/shared_informer.go.
 */
export class Informer<T extends KubeObject = KubeObject> {
  readonly #store = new ObjectStore<T>();
  readonly #handlers: ChangeHandler<T>[] = [];
  readonly #listWatch: ListWatch<T>;
  readonly #transform: ((object: T) => T) | undefined;
  readonly #log: Logger;
  readonly #resource: string;
  #synced = false;
  #stopped = false;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(resource: ResourceClient<T>, options: InformerOptions<T> = {}) {
    this.#resource = resource.ref.resource;
    this.#transform = transformOf(options);
    this.#log = options.logger ?? silentLogger;
    this.addIndexes(options.indexes ?? {});
    this.#listWatch = new ListWatch<T>(
      resource,
      {
        keep: (object) => this.#keep(object),
        replace: (objects) => this.#replace(objects),
        apply: (type, object) => this.#apply(type, object),
      },
      { ...options, held: (version) => this.#held(version) ?? options.held?.(version) },
    );
  }

  get metrics(): Readonly<ListWatchMetrics> {
    return this.#listWatch.metrics;
  }

  get hasSynced(): boolean {
    return this.#synced;
  }

  /** The version the store is as of. */
  get resourceVersion(): string | undefined {
    return this.#listWatch.resourceVersion;
  }

  /** Tells of everything there is already as added, then of every change. Gives a function that ends it. */
  onChange(handler: ChangeHandler<T>): () => void {
    for (const object of this.#store.list()) this.#tell(handler, "added", object);
    this.#handlers.push(handler);
    return () => {
      const at = this.#handlers.indexOf(handler);
      if (at >= 0) this.#handlers.splice(at, 1);
    };
  }

  /** Adds indexes; see {@link by}. Throws TypeError when one of the name is there with another function. */
  addIndexes(indexes: Record<string, IndexFunction<T>>): void {
    for (const [name, values] of Object.entries(indexes)) this.#store.addIndex(name, values);
  }

  start(): void {
    if (this.#stopped) throw new TypeError(`the informer of ${this.#resource} was stopped`);
    this.#listWatch.start();
  }

  /** Resolves when the store shows the server's state for the first time; rejects when stopped before. */
  synced(): Promise<void> {
    if (this.#synced) return Promise.resolve();
    if (this.#stopped) return Promise.reject(new Error(`the informer of ${this.#resource} was stopped`));
    this.#waiting ??= Promise.withResolvers<void>();
    return this.#waiting.promise;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting?.reject(new Error(`the informer of ${this.#resource} was stopped before it had synced`));
    this.#waiting = undefined;
    await this.#listWatch.stop();
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#store.get(namespace ? `${namespace}/${name}` : name);
  }

  /** By "namespace/name" or "name", as work queues have it. */
  getByKey(key: string): T | undefined {
    return this.#store.get(key);
  }

  list(): T[] {
    return this.#store.list();
  }

  get size(): number {
    return this.#store.size;
  }

  /** The objects an index has under a value. Throws TypeError when there is no such index. */
  by(index: string, value: string): T[] {
    return this.#store.by(index, value);
  }

  #apply(type: "ADDED" | "MODIFIED" | "DELETED", given: T): void {
    const key = objectKey(given);
    if (type === "DELETED") {
      // The event has the last state, with the version of the deletion; without a known object there is nothing to end.
      if (this.#store.delete(key) !== undefined) this.#tellAll("deleted", this.#kept(given));
      return;
    }
    const known = this.#store.get(key);
    if (known !== undefined && sameVersion(known, given)) return;
    this.#change(key, this.#kept(given));
  }

  // First the store, then the handlers: they may look at other objects of the same state.
  #replace(objects: readonly T[]): number {
    const changes: (() => void)[] = [];
    const present = new Set<string>();
    for (const object of objects) {
      const key = objectKey(object);
      present.add(key);
      const known = this.#store.get(key);
      if (known !== undefined && sameVersion(known, object)) continue;
      this.#store.set(key, object);
      changes.push(() => this.#tellChange(known, object));
    }
    for (const key of [...this.#store.keys()]) {
      if (present.has(key)) continue;
      const old = this.#store.delete(key);
      if (old !== undefined) changes.push(() => this.#tellAll("deleted", old));
    }
    for (const tell of changes) tell();
    if (!this.#synced) {
      this.#synced = true;
      this.#waiting?.resolve();
      this.#waiting = undefined;
    }
    return changes.length;
  }

  #change(key: string, object: T): void {
    this.#tellChange(this.#store.set(key, object), object);
  }

  #tellChange(old: T | undefined, object: T): void {
    if (old === undefined) this.#tellAll("added", object);
    // Deleted and made again under the same name between two looks: two changes.
    else if (old.metadata.uid !== object.metadata.uid) {
      this.#tellAll("deleted", old);
      this.#tellAll("added", object);
    } else this.#tellAll("updated", object, old);
  }

  // Of a whole state: what is known already is not made again.
  #keep(object: T): T {
    const known = this.#store.get(objectKey(object));
    return known !== undefined && sameVersion(known, object) ? known : this.#kept(object);
  }

  // Of a state that is told anew, most is known.
  #held({ namespace, name, uid, resourceVersion }: ObjectVersion): T | undefined {
    const known = this.#store.get(namespace === "" ? name : `${namespace}/${name}`);
    return known?.metadata.uid === uid && known.metadata.resourceVersion === resourceVersion ? known : undefined;
  }

  #kept(object: T): T {
    return this.#transform === undefined ? object : this.#transform(object);
  }

  #tellAll(change: "added" | "updated" | "deleted", object: T, old?: T): void {
    for (const handler of [...this.#handlers]) this.#tell(handler, change, object, old);
  }

  #tell(handler: ChangeHandler<T>, change: "added" | "updated" | "deleted", object: T, old?: T): void {
    try {
      if (change === "updated") handler.updated?.(object, old as T);
      else handler[change]?.(object);
    } catch (error) {
      // One handler's defect must not keep the others, or the store, from following.
      this.#log.error("a change handler threw", {
        resource: this.#resource,
        key: objectKey(object),
        change,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
}

function transformOf<T extends KubeObject>({ managedFields, transform }: InformerOptions<T>) {
  if (managedFields ?? true) return transform;
  return transform === undefined ? withoutManagedFields<T> : (object: T) => transform(withoutManagedFields(object));
}

function sameVersion(a: KubeObject, b: KubeObject): boolean {
  return (
    a.metadata.resourceVersion !== undefined &&
    a.metadata.resourceVersion === b.metadata.resourceVersion &&
    a.metadata.uid === b.metadata.uid
  );
}
