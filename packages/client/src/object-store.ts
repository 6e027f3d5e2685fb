import type { KubeObject } from "@podwright/kube";

/** The key of an object in queues and stores: "namespace/name", or "name" for what has no namespace. */
export function objectKey(object: KubeObject): string {
  const { name, namespace } = object.metadata;
  return namespace ? `${namespace}/${name}` : (name ?? "");
}

/** Splits what {@link objectKey} made. */
export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf("/");
  return slash < 0
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

/** The values an object is found by. */
export type IndexFunction<T> = (object: T) => readonly string[];

interface Index<T> {
  values: IndexFunction<T>;
  keys: Map<string, Map<string, T>>;
}

/** Objects by key, and by the values of indexes. Objects are held as given and never changed. */
export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  list(): T[] {
    return [...this.#objects.values()];
  }

  /** The objects an index has under a value. Throws TypeError when there is no such index. */
  by(index: string, value: string): T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new TypeError(`there is no index "${index}"`);
    const objects = found.keys.get(value);
    return objects === undefined ? [] : [...objects.values()];
  }

  /** Adds an index, also over what is there already. The same function under the same name is fine, another is not. */
  addIndex(name: string, values: IndexFunction<T>): void {
    const before = this.#indexes.get(name);
    if (before !== undefined) {
      if (before.values === values) return;
      throw new TypeError(`there is another index "${name}" already`);
    }
    const index: Index<T> = { values, keys: new Map() };
    for (const [key, object] of this.#objects) enter(index, key, object);
    this.#indexes.set(name, index);
  }

  /** Puts an object in, returns the one it replaces. */
  set(key: string, object: T): T | undefined {
    const old = this.#objects.get(key);
    for (const index of this.#indexes.values()) {
      if (old !== undefined) leave(index, key, old);
      enter(index, key, object);
    }
    this.#objects.set(key, object);
    return old;
  }

  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (old === undefined) return undefined;
    for (const index of this.#indexes.values()) leave(index, key, old);
    this.#objects.delete(key);
    return old;
  }
}

function enter<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const objects = index.keys.get(value);
    if (objects === undefined) index.keys.set(value, new Map([[key, object]]));
    else objects.set(key, object);
  }
}

function leave<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const objects = index.keys.get(value);
    objects?.delete(key);
    if (objects?.size === 0) index.keys.delete(value);
  }
}
