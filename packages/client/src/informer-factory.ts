import type { KubeObject } from "@podwright/kube";
import type { Client } from "./client.ts";
import { Informer, type InformerOptions } from "./informer.ts";
import type { ResourceRef } from "./resources.ts";

/**
 * Shares informers: one per resource, selection, transform and managedFields, however many ask. Options of the
 * factory hold for all its informers unless `for` is given others; indexes are added to the shared one.
 * Behaviour: k8s.io/client-go/informers/factory.go.
 */
export class InformerFactory {
  readonly #client: Client;
  readonly #options: Omit<InformerOptions<KubeObject>, "indexes">;
  readonly #informers = new Map<string, { transform: unknown; informer: Informer<KubeObject> }[]>();
  #started = false;
  #stopped = false;

  constructor(client: Client, options: Omit<InformerOptions<KubeObject>, "indexes"> = {}) {
    this.#client = client;
    this.#options = options;
  }

  /** The shared informer; started at once when the factory was. */
  for<T extends KubeObject = KubeObject>(ref: ResourceRef, options: InformerOptions<T> = {}): Informer<T> {
    if (this.#stopped) throw new TypeError("the informer factory was stopped");
    const merged = { ...this.#options, ...options } as InformerOptions<KubeObject>;
    const key = [
      ref.group,
      ref.version,
      ref.resource,
      merged.namespace ?? "",
      merged.labelSelector ?? "",
      merged.fieldSelector ?? "",
      merged.managedFields ?? true,
    ].join("\n");
    const sharing = this.#informers.get(key) ?? [];
    const shared = sharing.find((entry) => entry.transform === merged.transform)?.informer;
    if (shared !== undefined) {
      shared.addIndexes(merged.indexes ?? {});
      return shared as unknown as Informer<T>;
    }
    const informer = new Informer<KubeObject>(this.#client.resource(ref), merged);
    this.#informers.set(key, [...sharing, { transform: merged.transform, informer }]);
    if (this.#started) informer.start();
    return informer as unknown as Informer<T>;
  }

  start(): void {
    this.#started = true;
    for (const informer of this.#all()) informer.start();
  }

  /** Resolves when all informers asked for so far have synced. */
  async synced(): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.synced()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#all().map((informer) => informer.stop()));
  }

  #all(): Informer<KubeObject>[] {
    return [...this.#informers.values()].flat().map((entry) => entry.informer);
  }
}
