import type { Resource, ResourceRegistry } from "../resources/resource.ts";

/** A registry that holds the given resources to begin with, e.g. `nativeResources()`. */
export function createResourceRegistry(resources: Iterable<Resource> = []): ResourceRegistry {
  return new MemoryResourceRegistry(resources);
}

class MemoryResourceRegistry implements ResourceRegistry {
  // Keyed "group/version", then by plural or kind: a lookup builds one short string.
  readonly #byPlural = new Map<string, Map<string, Resource>>();
  readonly #byKind = new Map<string, Map<string, Resource>>();
  #all: readonly Resource[] | undefined;
  #generation = 0;

  constructor(resources: Iterable<Resource>) {
    for (const resource of resources) this.#put(resource);
  }

  get generation(): number {
    return this.#generation;
  }

  lookup(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPlural.get(`${group}/${version}`)?.get(plural);
  }

  lookupKind(group: string, version: string, kind: string): Resource | undefined {
    return this.#byKind.get(`${group}/${version}`)?.get(kind);
  }

  all(): readonly Resource[] {
    this.#all ??= [...this.#byPlural.values()].flatMap((resources) => [...resources.values()]);
    return this.#all;
  }

  set(resource: Resource): void {
    this.#remove(resource.group, resource.version, resource.plural);
    this.#put(resource);
    this.#changed();
  }

  delete(group: string, version: string, plural: string): void {
    if (this.#remove(group, version, plural)) this.#changed();
  }

  #put(resource: Resource): void {
    const groupVersion = `${resource.group}/${resource.version}`;
    entry(this.#byPlural, groupVersion).set(resource.plural, resource);
    entry(this.#byKind, groupVersion).set(resource.kind, resource);
  }

  #remove(group: string, version: string, plural: string): boolean {
    const groupVersion = `${group}/${version}`;
    const resources = this.#byPlural.get(groupVersion);
    const resource = resources?.get(plural);
    if (resources === undefined || resource === undefined) return false;
    resources.delete(plural);
    if (resources.size === 0) this.#byPlural.delete(groupVersion);
    const kinds = this.#byKind.get(groupVersion);
    if (kinds?.get(resource.kind) === resource) kinds.delete(resource.kind);
    return true;
  }

  #changed(): void {
    this.#all = undefined;
    this.#generation++;
  }
}

function entry<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let value = map.get(key);
  if (value === undefined) {
    value = new Map();
    map.set(key, value);
  }
  return value;
}
