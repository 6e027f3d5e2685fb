import type { KubeObject } from "@podwright/kube";
import type { Storage } from "../storage/storage.ts";

/**
 * The newest durable objects under a key prefix, kept current by the storage's changes: what a client's informer
 * is, without a client. Objects are parsed when first asked for, and shared: do not change them.
 */
export interface Lister {
  /** By full key. */
  get(key: string): KubeObject | undefined;
  /** The same, or what comes there within the time. */
  waitFor(key: string, timeoutMs: number): Promise<KubeObject | undefined>;
  /** In the order of their keys. */
  list(): KubeObject[];
  /** Goes up with every change. */
  readonly generation: number;
  stop(): void;
}

export function startLister(storage: Storage, prefix: string): Lister {
  const entries = new Map<string, { value: Buffer; object?: KubeObject }>();
  const waiting = new Map<string, Set<() => void>>();
  let generation = 0;
  let sorted: KubeObject[] | undefined;

  const unsubscribe = storage.subscribe((change) => {
    if (!change.key.startsWith(prefix)) return;
    generation++;
    sorted = undefined;
    if (change.type === "delete") return void entries.delete(change.key);
    entries.set(change.key, { value: change.value });
    for (const arrived of waiting.get(change.key) ?? []) arrived();
  });
  for (const item of storage.list({ prefix }).items) entries.set(item.key, { value: item.value });

  const parsed = (entry: { value: Buffer; object?: KubeObject }): KubeObject => {
    entry.object ??= JSON.parse(entry.value.toString()) as KubeObject;
    return entry.object;
  };

  const get = (key: string): KubeObject | undefined => {
    const entry = entries.get(key);
    return entry === undefined ? undefined : parsed(entry);
  };

  return {
    get,
    async waitFor(key, timeoutMs) {
      if (!entries.has(key)) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const waiters = waiting.get(key) ?? new Set();
        waiting.set(key, waiters.add(resolve));
        const timer = setTimeout(resolve, timeoutMs);
        await promise;
        clearTimeout(timer);
        waiters.delete(resolve);
        if (waiters.size === 0) waiting.delete(key);
      }
      return get(key);
    },
    list() {
      sorted ??= [...entries.entries()]
        .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
        .map(([, entry]) => parsed(entry));
      return sorted;
    },
    get generation() {
      return generation;
    },
    stop: unsubscribe,
  };
}
