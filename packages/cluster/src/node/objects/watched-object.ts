import { type Client, type Clock, Informer, type Logger } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { ObjectReference } from "./pod-references.ts";

/** One object of the server, followed until nobody needs it any more, or for good once it is immutable. */
export class WatchedObject {
  readonly #informer: Informer<KubeObject>;
  readonly #name: string;
  readonly #namespace: string;
  readonly #listeners = new Map<string, () => void>();
  #immutable: KubeObject | undefined;

  constructor(client: Client, { resource, namespace, name }: ObjectReference, clock: Clock, logger: Logger) {
    this.#name = name;
    this.#namespace = namespace;
    this.#informer = new Informer(client.resource(resource), {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      managedFields: false,
      clock,
      logger,
    });
    const changed = (): void => {
      if (this.#informer.hasSynced) for (const tell of [...this.#listeners.values()]) tell();
    };
    this.#informer.onChange({
      added: (object) => this.#take(object, changed),
      updated: (object) => this.#take(object, changed),
      deleted: changed,
    });
    this.#informer.start();
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  listen(uid: string, changed: () => void): void {
    this.#listeners.set(uid, changed);
  }

  leave(uid: string): void {
    this.#listeners.delete(uid);
  }

  /** Resolves when the server has said whether there is one. */
  async synced(): Promise<void> {
    if (this.#immutable === undefined) await this.#informer.synced();
  }

  get current(): KubeObject | undefined {
    return this.#immutable ?? this.#informer.get(this.#name, this.#namespace);
  }

  stop(): Promise<void> {
    return this.#informer.stop();
  }

  /** What cannot change need not be watched. */
  #take(object: KubeObject, changed: () => void): void {
    if (object["immutable"] === true) {
      this.#immutable = object;
      // Not from within its own event.
      queueMicrotask(() => void this.#informer.stop());
    }
    changed();
  }
}
