import { createHash } from "node:crypto";
import { type Client, type Clock, Informer, type Logger, objectKey, type ResourceRef } from "@podwright/client";
import { canonicalJson, type JsonObject, type KubeObject } from "@podwright/kube";
import { metadataClient } from "../release/metadata-client.ts";

/** An object that is to be watched. */
export interface WatchedObject {
  ref: ResourceRef;
  namespace?: string;
  name: string;
}

export interface DriftWatchesOptions {
  clock: Clock;
  logger: Logger;
  /** Told of a Pack when one of its objects has changed. */
  changed: (pack: string) => void;
}

/** What is kept of an object: who it is, and a text that changes when more than its status does. */
type Seen = KubeObject & { seen: string };

interface Watch {
  informer: Informer<Seen>;
  packs: Set<string>;
  /** By "namespace/name": the Packs that have it. */
  objects: Map<string, Set<string>>;
}

/** A first state that does not come in this time is not waited for: the server may refuse it. */
const patienceMs = 10_000;

/**
 * Watches the objects of releases by their metadata: one watch for each kind of object, and for each namespace too
 * where a Pack acts as a service account. What helm has not made is not sent by the server.
 */
export class DriftWatches {
  readonly #options: DriftWatchesOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #keysOf = new Map<string, Set<string>>();

  constructor(options: DriftWatchesOptions) {
    this.#options = options;
  }

  /** Watches these objects for a Pack, in place of what was watched for it; resolves when changes are seen. */
  async watch(pack: string, client: Client, user: string | undefined, objects: readonly WatchedObject[]) {
    const before = this.#keysOf.get(pack) ?? new Set();
    const now = new Set<string>();
    this.#leave(pack, before);
    for (const { ref, namespace, name } of objects) {
      const scope = user === undefined ? undefined : namespace;
      const key = [user ?? "", ref.group, ref.version, ref.resource, scope ?? ""].join("|");
      const watch = this.#watches.get(key) ?? this.#open(key, client, ref, scope);
      now.add(key);
      watch.packs.add(pack);
      const object = namespace === undefined ? name : `${namespace}/${name}`;
      watch.objects.set(object, (watch.objects.get(object) ?? new Set()).add(pack));
    }
    this.#keysOf.set(pack, now);
    await this.#close(before);
    await this.#synced([...now].flatMap((key) => this.#watches.get(key) ?? []));
  }

  async unwatch(pack: string): Promise<void> {
    const keys = this.#keysOf.get(pack);
    if (keys === undefined) return;
    this.#keysOf.delete(pack);
    this.#leave(pack, keys);
    await this.#close(keys);
  }

  /** How many watches are open. */
  get size(): number {
    return this.#watches.size;
  }

  async stop(): Promise<void> {
    const open = [...this.#watches.values()];
    this.#watches.clear();
    this.#keysOf.clear();
    await Promise.all(open.map(({ informer }) => informer.stop()));
  }

  #open(key: string, client: Client, ref: ResourceRef, namespace: string | undefined): Watch {
    const { clock, logger, changed } = this.#options;
    const informer = new Informer<Seen>(metadataClient(client).resource(ref), {
      labelSelector: "app.kubernetes.io/managed-by=Helm",
      ...(namespace === undefined ? {} : { namespace }),
      transform: seenOf,
      clock,
      logger,
    });
    const watch: Watch = { informer, packs: new Set(), objects: new Map() };
    const tell = (object: KubeObject) => {
      for (const pack of watch.objects.get(objectKey(object)) ?? []) changed(pack);
    };
    informer.onChange({
      // Of the first state nothing is told: who asks for the watch looks itself.
      added: (object) => informer.hasSynced && tell(object),
      updated: (object, old) => object.seen !== old.seen && tell(object),
      deleted: tell,
    });
    informer.start();
    this.#watches.set(key, watch);
    return watch;
  }

  #leave(pack: string, keys: ReadonlySet<string>): void {
    for (const key of keys) {
      const watch = this.#watches.get(key);
      if (watch === undefined) continue;
      watch.packs.delete(pack);
      for (const [object, packs] of watch.objects) {
        if (packs.delete(pack) && packs.size === 0) watch.objects.delete(object);
      }
    }
  }

  /** Those that nobody needs any more. */
  async #close(keys: ReadonlySet<string>): Promise<void> {
    const idle = [...keys].filter((key) => this.#watches.get(key)?.packs.size === 0);
    await Promise.all(
      idle.map((key) => {
        const watch = this.#watches.get(key);
        this.#watches.delete(key);
        return watch?.informer.stop();
      }),
    );
  }

  async #synced(watches: readonly Watch[]): Promise<void> {
    const waiting = watches.filter(({ informer }) => !informer.hasSynced);
    if (waiting.length === 0) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(patienceMs, resolve, { background: true });
    await Promise.race([late, Promise.allSettled(waiting.map(({ informer }) => informer.synced()))]);
    timer.cancel();
  }
}

function seenOf(object: Seen): Seen {
  const { name, namespace, uid, resourceVersion, generation, labels, annotations } = object.metadata;
  // Without a generation a change of the status cannot be told from one of the rest.
  const state = generation === undefined ? { resourceVersion } : { generation, labels, annotations };
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name: name as string,
      ...(namespace === undefined ? {} : { namespace }),
      uid: uid as string,
      resourceVersion: resourceVersion as string,
    },
    seen: createHash("sha256")
      .update(canonicalJson(state as unknown as JsonObject))
      .digest("base64")
      .slice(0, 16),
  };
}
