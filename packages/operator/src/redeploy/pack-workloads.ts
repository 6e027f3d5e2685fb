import type { KubeObject } from "@podwright/kube";
import { redeployKeys } from "./annotation.ts";
import { workloadKey, workloadRefs } from "./workload.ts";

interface InventoryItem {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
}

/** Which Packs have a say about a workload: those that ask for redeploying and have it in their inventory. */
export class PackWorkloads {
  readonly #packs = new Map<string, { pack: KubeObject; workloads: readonly string[]; signature: string }>();
  readonly #packsOf = new Map<string, Set<string>>();

  /** Takes a Pack as it is now; gives the workloads for which something has changed. */
  set(pack: KubeObject): string[] {
    const key = keyOf(pack);
    const asks = redeployKeys.map((name) => pack.metadata.annotations?.[name]);
    const workloads = asks[0] === undefined && asks[1] === undefined ? [] : workloadsOf(pack);
    const signature = JSON.stringify([asks, workloads]);
    const before = this.#packs.get(key);
    if (before?.signature === signature) {
      before.pack = pack;
      return [];
    }
    const touched = new Set([...this.delete(pack), ...workloads]);
    this.#packs.set(key, { pack, workloads, signature });
    for (const workload of workloads) {
      const packs = this.#packsOf.get(workload);
      if (packs === undefined) this.#packsOf.set(workload, new Set([key]));
      else packs.add(key);
    }
    return [...touched];
  }

  /** Gives the workloads it had. */
  delete(pack: KubeObject): readonly string[] {
    const key = keyOf(pack);
    const { workloads = [] } = this.#packs.get(key) ?? {};
    this.#packs.delete(key);
    for (const workload of workloads) {
      const packs = this.#packsOf.get(workload);
      packs?.delete(key);
      if (packs?.size === 0) this.#packsOf.delete(workload);
    }
    return workloads;
  }

  /** The Packs that have a say about a workload. */
  of(workload: string): KubeObject[] {
    const keys = this.#packsOf.get(workload);
    if (keys === undefined) return [];
    return [...keys].map((key) => (this.#packs.get(key) as { pack: KubeObject }).pack);
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function workloadsOf(pack: KubeObject): string[] {
  const inventory: InventoryItem[] = pack["status"]?.inventory ?? [];
  return inventory
    .filter(({ apiVersion, kind }) => apiVersion === "apps/v1" && Object.hasOwn(workloadRefs, kind))
    .map(({ kind, namespace, name }) => workloadKey(kind, namespace ?? (pack.metadata.namespace as string), name));
}
