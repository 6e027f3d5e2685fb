import { type Client, type Clock, Informer, type InformerFactory, type Logger } from "@podwright/client";
import type { KubeObject, ObjectMeta } from "@podwright/kube";
import { type ApiResource, apiResources } from "../api-resources.ts";

/** Kinds whose objects others in the process hold anyway. */
const shared = new Set([
  "/pods",
  "/nodes",
  "/namespaces",
  "/services",
  "/serviceaccounts",
  "apps/deployments",
  "apps/replicasets",
]);

/** Never garbage: they are many, and own nothing. */
const ignored = new Set(["/events", "events.k8s.io/events"]);

export interface MonitorHandler {
  changed(object: KubeObject): void;
  deleted(object: KubeObject): void;
}

/** Follows the metadata of every kind of object that can be deleted, those of CRDs too. */
export class Monitors {
  readonly #client: Client;
  readonly #informers: InformerFactory;
  readonly #options: { clock: Clock; logger: Logger };
  readonly #handler: MonitorHandler;
  readonly #own = new Map<string, Informer<KubeObject>>();
  readonly #joined = new Map<string, () => void>();
  #refreshing: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(
    client: Client,
    informers: InformerFactory,
    options: { clock: Clock; logger: Logger },
    handler: MonitorHandler,
  ) {
    this.#client = client;
    this.#informers = informers;
    this.#options = options;
    this.#handler = handler;
  }

  /** Follows what the server serves now. Resolves when everything there is has been told. */
  async refresh(): Promise<void> {
    const following = this.#refreshing.catch(() => undefined).then(() => this.#followServed());
    this.#refreshing = following;
    // Not part of what the next one waits for: a kind that cannot be read must not keep others from being followed.
    const started = await following;
    const all = [...started, ...this.#own.values()];
    await Promise.all(all.map((informer) => informer.synced().catch(() => undefined)));
  }

  /** Gives the informers that are new. */
  async #followServed(): Promise<Informer<KubeObject>[]> {
    if (this.#stopped) return [];
    const served = new Map<string, ApiResource>();
    for (const resource of await apiResources(this.#client)) {
      const name = `${resource.group}/${resource.resource}`;
      const followable = ["delete", "list", "watch"].every((verb) => resource.verbs.includes(verb));
      if (followable && !ignored.has(name)) served.set(`${name}/${resource.version}`, resource);
    }
    const gone = [...this.#own].filter(([key]) => !served.has(key));
    await Promise.all(
      gone.map(([key, informer]) => {
        this.#own.delete(key);
        return informer.stop();
      }),
    );
    const starting: Informer<KubeObject>[] = [];
    for (const [key, resource] of served) {
      if (this.#own.has(key) || this.#joined.has(key) || this.#stopped) continue;
      starting.push(this.#follow(key, resource));
    }
    return starting;
  }

  #follow(key: string, resource: ApiResource): Informer<KubeObject> {
    const { changed, deleted } = this.#handler;
    const handler = { added: changed, updated: changed, deleted };
    if (shared.has(`${resource.group}/${resource.resource}`)) {
      const informer = this.#informers.for(resource);
      this.#joined.set(key, informer.onChange(handler));
      return informer;
    }
    const informer = new Informer<KubeObject>(this.#client.resource(resource), {
      ...this.#options,
      transform: ownershipOnly,
    });
    informer.onChange(handler);
    this.#own.set(key, informer);
    informer.start();
    return informer;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#refreshing.catch(() => undefined);
    for (const leave of this.#joined.values()) leave();
    await Promise.all([...this.#own.values()].map((informer) => informer.stop()));
  }
}

/** What garbage collection needs of an object. */
function ownershipOnly({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const kept: ObjectMeta = {};
  if (metadata.name !== undefined) kept.name = metadata.name;
  if (metadata.namespace !== undefined) kept.namespace = metadata.namespace;
  if (metadata.uid !== undefined) kept.uid = metadata.uid;
  if (metadata.resourceVersion !== undefined) kept.resourceVersion = metadata.resourceVersion;
  if (metadata.ownerReferences !== undefined) kept.ownerReferences = metadata.ownerReferences;
  if (metadata.finalizers !== undefined) kept.finalizers = metadata.finalizers;
  if (metadata.deletionTimestamp !== undefined) kept.deletionTimestamp = metadata.deletionTimestamp;
  return { apiVersion, kind, metadata: kept };
}
