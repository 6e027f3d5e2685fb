import { type Client, Informer, secrets } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { metadataClient } from "./metadata-client.ts";
import type { HelmRelease } from "./release.ts";

/** A revision of a release, by the labels of its Secret. */
export interface Revision {
  release: string;
  namespace: string;
  revision: number;
  /** deployed, superseded, failed, uninstalling, uninstalled, pending-install, pending-upgrade, pending-rollback. */
  status: string;
  /** The Secret. */
  secretName: string;
  resourceVersion: string;
  /** Milliseconds since 1970: of the last change. */
  modifiedAt: number;
  /** Of {@link attemptLabels}, when this very revision was made for a Pack. */
  packUid?: string;
  /** What the Pack asked for then. */
  desired?: string;
}

const packLabel = "podwright.dev/pack";
const desiredLabel = "podwright.dev/desired";

/**
 * Labels for the Secret of a revision that a Pack makes. helm hands the labels of a revision on to the next, also to
 * one that a person makes: the revision in the label tells them apart.
 */
export function attemptLabels(packUid: string, revision: number, desired: string): Record<string, string> {
  return { [packLabel]: `${packUid}.${revision}`, [desiredLabel]: desired };
}

/** All releases of the cluster by the metadata of their Secrets; their content is never read. */
export class ReleaseIndex {
  readonly #informer: Informer;
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = metadataClient(client);
    this.#informer = new Informer(this.#client.resource(secrets), {
      labelSelector: "owner=helm",
      transform: metadataOnly,
      indexes: { release: byRelease, pack: byPack },
    });
  }

  async start(): Promise<void> {
    this.#informer.start();
    await this.#informer.synced();
  }

  stop(): Promise<void> {
    return this.#informer.stop();
  }

  /** All revisions, newest first. */
  history(namespace: string, release: string): Revision[] {
    return this.#informer
      .by("release", `${namespace}/${release}`)
      .map(revisionOf)
      .sort((a, b) => b.revision - a.revision);
  }

  latest(namespace: string, release: string): Revision | undefined {
    return this.history(namespace, release)[0];
  }

  /** Releases that were made for a Pack (and handed its label on). */
  ofPack(uid: string): { namespace: string; name: string }[] {
    const found = new Map<string, { namespace: string; name: string }>();
    for (const secret of this.#informer.by("pack", uid)) {
      const namespace = secret.metadata.namespace ?? "";
      const name = secret.metadata.labels?.["name"] ?? "";
      found.set(`${namespace}/${name}`, { namespace, name });
    }
    return [...found.values()];
  }

  onChange(handler: (namespace: string, release: string) => void): () => void {
    const tell = (secret: KubeObject) =>
      handler(secret.metadata.namespace ?? "", secret.metadata.labels?.["name"] ?? "");
    return this.#informer.onChange({ added: tell, updated: tell, deleted: tell });
  }

  /** Resolves when this shows what the server has of a release now. One list request of metadata. */
  async settled(namespace: string, release: string): Promise<void> {
    const listed = await this.#client
      .resource(secrets)
      .list({ namespace, labelSelector: `owner=helm,name=${release}` });
    const expected = new Map(listed.items.map((item) => [item.metadata.name, item.metadata.resourceVersion ?? "0"]));
    const shown = () => {
      const known = this.#informer.by("release", `${namespace}/${release}`);
      const versions = new Map(known.map((item) => [item.metadata.name, item.metadata.resourceVersion ?? "0"]));
      if ([...versions.keys()].some((name) => !expected.has(name))) return false;
      return [...expected].every(([name, version]) => BigInt(versions.get(name) ?? "-1") >= BigInt(version));
    };
    await this.#until(shown);
  }

  /** Resolves when this shows a revision that helm said it made, in the state it said. No request. */
  shows({ namespace, name, version, info }: HelmRelease): Promise<void> {
    return this.#until(() => {
      const latest = this.latest(namespace, name);
      return latest !== undefined && latest.revision >= version && latest.status === info.status;
    });
  }

  async #until(shown: () => boolean): Promise<void> {
    if (shown()) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        off();
        resolve();
      };
      const check = () => {
        if (shown()) done();
      };
      // Should the watch have broken it catches up later, and tells.
      const timer = setTimeout(done, 10_000);
      const off = this.#informer.onChange({ added: check, updated: check, deleted: check });
    });
  }
}

function byRelease(secret: KubeObject): string[] {
  return [`${secret.metadata.namespace}/${secret.metadata.labels?.["name"]}`];
}

function byPack(secret: KubeObject): string[] {
  const label = secret.metadata.labels?.[packLabel];
  return label === undefined ? [] : [label.slice(0, label.lastIndexOf("."))];
}

function metadataOnly(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, labels } = object.metadata;
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      ...(name !== undefined ? { name } : {}),
      ...(namespace !== undefined ? { namespace } : {}),
      ...(uid !== undefined ? { uid } : {}),
      ...(resourceVersion !== undefined ? { resourceVersion } : {}),
      ...(labels !== undefined ? { labels } : {}),
    },
  };
}

function revisionOf(secret: KubeObject): Revision {
  const { name, namespace, labels = {}, resourceVersion } = secret.metadata;
  const revision = Number(labels["version"] ?? 0);
  const label = labels[packLabel] ?? "";
  const at = label.lastIndexOf(".");
  const own = at > 0 && label.slice(at + 1) === String(revision);
  return {
    release: labels["name"] ?? "",
    namespace: namespace ?? "",
    revision,
    status: labels["status"] ?? "unknown",
    secretName: name ?? "",
    resourceVersion: resourceVersion ?? "0",
    modifiedAt: Number(labels["modifiedAt"] ?? labels["createdAt"] ?? 0) * 1000,
    ...(own ? { packUid: label.slice(0, at) } : {}),
    ...(own && labels[desiredLabel] !== undefined ? { desired: labels[desiredLabel] } : {}),
  };
}
