import { type Client, type Clock, events, ListWatch, type Logger } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";

/** What the cluster tells of a run: why it waits, what was pulled, what failed. */
export interface ClusterEvent {
  type: string;
  reason: string;
  message: string;
  count: number;
  /** ISO 8601. */
  time: string;
  /** "Pod" or "Job". */
  about: string;
}

interface KeptEvent extends KubeObject {
  key: string;
  event: ClusterEvent;
}

type Listener = (event: ClusterEvent) => void;

const kinds = ["Pod", "Job"];

/**
 * The cluster's Events of single Pods and Jobs, for those who follow a run. Nothing is watched before somebody does,
 * then all Pods' and Jobs' Events by one watch each; none is kept.
 */
export class ClusterEvents {
  readonly #client: Client;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #watches: ListWatch<KubeObject>[];
  #started = false;

  constructor({ client, clock, logger }: { client: Client; clock: Clock; logger: Logger }) {
    this.#client = client;
    this.#watches = kinds.map((kind) => {
      const sink = {
        // Of what there is already whoever follows a run asks by himself.
        keep: slim,
        replace: () => 0,
        apply: (type: string, object: KubeObject) => {
          if (type !== "DELETED") this.#tell(slim(object));
        },
      };
      const fieldSelector = `involvedObject.kind=${kind}`;
      return new ListWatch(client.resource(events), sink, { fieldSelector, clock, logger, verifyIntervalMs: 0 });
    });
  }

  /** Tells of the object's Events, those there are and those to come. Gives a function that ends it. */
  follow(namespace: string, kind: string, name: string, listener: Listener): () => void {
    if (!this.#started) {
      this.#started = true;
      for (const watch of this.#watches) watch.start();
    }
    const key = `${namespace}/${kind}/${name}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    const told = new Set<string>();
    const once: Listener = (event) => {
      const id = JSON.stringify(event);
      if (told.has(id)) return;
      told.add(id);
      listener(event);
    };
    listeners.add(once);
    const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${name}`;
    this.#client
      .resource(events)
      .list({ namespace, fieldSelector, limit: 50 })
      .then(
        ({ items }) => {
          const known = items.map(slim).sort((a, b) => (a.event.time < b.event.time ? -1 : 1));
          if (listeners.has(once)) for (const { event } of known) once(event);
        },
        // The watch goes on by itself; what was before stays untold.
        () => {},
      );
    return () => {
      listeners.delete(once);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.stop()));
  }

  #tell({ key, event }: KeptEvent): void {
    for (const listener of this.#listeners.get(key) ?? []) listener(event);
  }
}

function slim(object: KubeObject): KeptEvent {
  const about = (object["involvedObject"] ?? {}) as { kind?: string; namespace?: string; name?: string };
  const { name, namespace, resourceVersion, uid, creationTimestamp } = object.metadata;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    key: `${about.namespace}/${about.kind}/${about.name}`,
    event: {
      type: object["type"] ?? "Normal",
      reason: object["reason"] ?? "",
      message: object["message"] ?? "",
      count: object["series"]?.count ?? object["count"] ?? 1,
      time:
        object["series"]?.lastObservedTime ?? object["lastTimestamp"] ?? object["eventTime"] ?? creationTimestamp ?? "",
      about: about.kind ?? "",
    },
  };
}
