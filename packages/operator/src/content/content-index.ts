import { configMaps, type Informer, type InformerFactory, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { ContentHasher } from "./content-hash.ts";

export type ContentKind = "ConfigMap" | "Secret";

/** A ConfigMap or Secret as the operator remembers it: hashes, no values. */
export interface ContentEntry {
  readonly kind: ContentKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Of a Secret: "kubernetes.io/tls". */
  readonly type?: string;
  readonly immutable?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** All but kubectl's copy of the object. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly deleting?: boolean;
  /** Each key with the hash of its value. */
  readonly keys: ReadonlyMap<string, string>;
  /** Of all keys and values; nothing else goes into it. */
  readonly hash: string;
}

/** `old` is absent when the object is new, `entry` when it is gone. */
export interface ContentChange {
  kind: ContentKind;
  namespace: string;
  name: string;
  entry?: ContentEntry;
  old?: ContentEntry;
}

/** Helm keeps each release in Secrets of up to 1 MiB. They are nobody's configuration, and are not even sent here. */
const helmReleases = "helm.sh/release.v1";

/** Holds what is applied with kubectl, values of Secrets included. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

const none: Readonly<Record<string, string>> = Object.freeze({});

/** What the informers hold: the entry with the metadata they need. */
type Stored = ContentEntry & KubeObject;

/**
 * What all ConfigMaps and Secrets of the cluster hold, as hashes: no value stays in memory. Helm's release Secrets
 * are left out.
 */
export class ContentIndex {
  readonly hasher: ContentHasher;
  readonly #informers: Record<ContentKind, Informer<Stored>>;

  /** Asks the factory for two informers of its own. `key`: see contentKey. */
  constructor(informers: InformerFactory, key: Uint8Array) {
    this.hasher = new ContentHasher(key);
    const options = {
      managedFields: false,
      transform: (object: KubeObject) => entryOf(object, this.hasher),
      indexes: { namespace: namespaceOf },
    };
    this.#informers = {
      ConfigMap: informers.for(configMaps, options) as Informer<Stored>,
      Secret: informers.for(secrets, { ...options, fieldSelector: `type!=${helmReleases}` }) as Informer<Stored>,
    };
  }

  get(kind: ContentKind, namespace: string, name: string): ContentEntry | undefined {
    return this.#informers[kind].get(name, namespace);
  }

  /** Those of a namespace, or all. */
  list(kind: ContentKind, namespace?: string): ContentEntry[] {
    const informer = this.#informers[kind];
    return namespace === undefined ? informer.list() : informer.by("namespace", namespace);
  }

  /**
   * Tells of all there are already as new, then of every change, also of one that leaves the content as it was (compare
   * the hashes). Gives a function that ends it.
   */
  onChange(handler: (change: ContentChange) => void): () => void {
    const ends = Object.values(this.#informers).map((informer) =>
      informer.onChange({
        added: (entry) => handler({ ...keyOf(entry), entry }),
        updated: (entry, old) => handler({ ...keyOf(entry), entry, old }),
        deleted: (old) => handler({ ...keyOf(old), old }),
      }),
    );
    return () => {
      for (const end of ends) end();
    };
  }
}

function keyOf({ kind, namespace, name }: ContentEntry): ContentChange {
  return { kind, namespace, name };
}

function namespaceOf(object: KubeObject): string[] {
  return [object.metadata.namespace ?? ""];
}

function entryOf(object: KubeObject, hasher: ContentHasher): Stored {
  const { name = "", namespace = "", uid = "", resourceVersion = "", deletionTimestamp } = object.metadata;
  const keys = hasher.keysOf(object);
  return {
    apiVersion: "v1",
    kind: object.kind as ContentKind,
    metadata: { name, namespace, uid, resourceVersion },
    namespace,
    name,
    uid,
    resourceVersion,
    ...(object["type"] === undefined ? {} : { type: object["type"] }),
    ...(object["immutable"] === true ? { immutable: true } : {}),
    ...(deletionTimestamp === undefined ? {} : { deleting: true }),
    labels: object.metadata.labels ?? none,
    annotations: annotationsOf(object),
    keys,
    hash: hasher.ofKeys(keys),
  };
}

function annotationsOf(object: KubeObject): Readonly<Record<string, string>> {
  const { annotations } = object.metadata;
  if (annotations === undefined) return none;
  if (annotations[lastApplied] === undefined) return annotations;
  const { [lastApplied]: _dropped, ...rest } = annotations;
  return rest;
}
