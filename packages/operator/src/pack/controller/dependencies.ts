import type { Informer } from "@podwright/client";
import type { Pack } from "../pack.ts";

/** Keys ("namespace/name") of the Packs that a Pack waits for. */
export function dependenciesOf(pack: Pack): string[] {
  return (pack.spec.dependsOn ?? []).map(({ name, namespace }) => `${namespace || pack.metadata.namespace}/${name}`);
}

/** Whether the Pack, as it is written now, is installed and well. */
export function isReady(pack: Pack): boolean {
  const ready = pack.status?.conditions?.find((condition) => condition.type === "Ready");
  return ready?.status === "True" && pack.status?.observedGeneration === pack.metadata.generation;
}

/** What a Pack waits for, in words; empty when there is nothing. */
export function unmetDependencies(pack: Pack, packs: Informer<Pack>): string[] {
  return dependenciesOf(pack).flatMap((key) => {
    const dependency = packs.getByKey(key);
    if (dependency === undefined) return [`Pack ${key} does not exist`];
    return isReady(dependency) ? [] : [`Pack ${key} is not ready`];
  });
}

/** Keys of a circle of dependencies that the Pack is part of, itself first and last; undefined when there is none. */
export function dependencyCycle(key: string, packs: Informer<Pack>): string[] | undefined {
  const seen = new Set<string>();
  const search = (at: string, path: string[]): string[] | undefined => {
    const pack = packs.getByKey(at);
    if (pack === undefined) return undefined;
    for (const next of dependenciesOf(pack)) {
      if (next === key) return [...path, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = search(next, [...path, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return search(key, [key]);
}
