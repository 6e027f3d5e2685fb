/**
 * The ConfigMaps and Secrets that the pods of a node refer to, each followed by a watch of its own as long as a pod
 * needs it (k8s.io/kubernetes/pkg/kubelet/util/manager/watch_based_manager.go). A node may not watch all.
 */
import { type Client, type Clock, type Logger, type ResourceRef, silentLogger, sleep } from "@podwright/client";
import { isCode, type KubeObject } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { type ObjectReference, podReferences } from "./pod-references.ts";
import { WatchedObject } from "./watched-object.ts";

export interface NodeObjectsOptions {
  client: Client;
  clock: Clock;
  logger?: Logger;
  /** How long {@link NodeObjects.get} waits for the server. Default 10 s. */
  timeoutMs?: number;
}

export class NodeObjects {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #timeoutMs: number;
  readonly #watched = new Map<string, WatchedObject>();
  /** The keys of what each pod needs, by its uid. */
  readonly #held = new Map<string, ReadonlySet<string>>();
  readonly #stopping = new Set<Promise<void>>();

  constructor(options: NodeObjectsOptions) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#logger = options.logger ?? silentLogger;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
  }

  /** How many objects are followed. */
  get size(): number {
    return this.#watched.size;
  }

  /** From now on the pod needs what it refers to; `changed` is called when one of these appears, changes or goes. */
  hold(pod: Pod, changed: () => void): void {
    const { uid = "" } = pod.metadata;
    const references = podReferences(pod);
    const before = this.#held.get(uid);
    const keys = new Set<string>();
    for (const reference of references) {
      const key = keyOf(reference);
      keys.add(key);
      let watched = this.#watched.get(key);
      if (watched === undefined) {
        watched = new WatchedObject(this.#client, reference, this.#clock, this.#logger);
        this.#watched.set(key, watched);
      }
      watched.listen(uid, changed);
    }
    if (keys.size > 0) this.#held.set(uid, keys);
    else this.#held.delete(uid);
    for (const key of before ?? []) if (!keys.has(key)) this.#leave(key, uid);
  }

  /** The pod needs nothing any more. */
  release(uid: string): void {
    const keys = this.#held.get(uid);
    this.#held.delete(uid);
    for (const key of keys ?? []) this.#leave(key, uid);
  }

  /**
   * The object as it is now; undefined when there is none. What no pod holds is asked of the server. Throws when the
   * server cannot be asked.
   */
  async get<T extends KubeObject>(
    resource: ResourceRef,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined> {
    const watched = this.#watched.get(keyOf({ resource, namespace: namespace ?? "", name }));
    if (watched === undefined) return this.#read<T>(resource, namespace, name);
    const patience = new AbortController();
    const inTime = await Promise.race([
      watched.synced().then(() => true),
      sleep(this.#clock, this.#timeoutMs, patience.signal).then(() => false),
    ]).finally(() => patience.abort());
    if (!inTime) {
      throw new Error(`failed to sync ${resource.kind.toLowerCase()} cache: timed out waiting for the condition`);
    }
    return watched.current as T | undefined;
  }

  async #read<T extends KubeObject>(
    resource: ResourceRef,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await this.#client.resource<T>(resource).get(name, namespace);
    } catch (error) {
      if (isCode(error, 404)) return undefined;
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const uid of [...this.#held.keys()]) this.release(uid);
    await Promise.all(this.#stopping);
  }

  #leave(key: string, uid: string): void {
    const watched = this.#watched.get(key);
    if (watched === undefined) return;
    watched.leave(uid);
    if (watched.listeners > 0) return;
    this.#watched.delete(key);
    const stopping = watched.stop().finally(() => this.#stopping.delete(stopping));
    this.#stopping.add(stopping);
  }
}

/** As the kubelet says that an object is not there. */
export function missingObject(resource: ResourceRef, name: string): Error {
  return new Error(`${resource.kind.toLowerCase()} ${JSON.stringify(name)} not found`);
}

function keyOf({ resource, namespace, name }: ObjectReference): string {
  return `${resource.resource}/${namespace}/${name}`;
}
