import { type Client, configMaps, secrets } from "@podwright/client";
import { isCode, type KubeObject } from "@podwright/kube";
import type { ContentEntry, ContentKind } from "../content/content-index.ts";

/** What came of a write. "gone": the namespace is going or has gone; "taken": another object has the name. */
export type WriteOutcome = "written" | "gone" | "taken";

const refs = { ConfigMap: configMaps, Secret: secrets } as const;

/** Writes and removes copies. */
export class CopyWriter {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  source(kind: ContentKind, namespace: string, name: string): Promise<KubeObject> {
    return this.#client.resource(refs[kind]).get(name, namespace);
  }

  /** Puts a copy where there is none. */
  async create(copy: KubeObject): Promise<WriteOutcome> {
    try {
      await this.#resource(copy.kind).create(copy);
      return "written";
    } catch (error) {
      if (isCode(error, 409)) return "taken";
      if (isNamespaceGoing(error)) return "gone";
      throw error;
    }
  }

  /** Puts a copy in the place of one that is there; deletes that first where the API lets it not be changed. */
  async replace(copy: KubeObject, there: ContentEntry): Promise<WriteOutcome> {
    if (there.immutable === true || there.type !== copy["type"]) {
      await this.remove(there);
      return this.create(copy);
    }
    try {
      // With the version: what is there now may be somebody else's.
      const metadata = { ...copy.metadata, uid: there.uid, resourceVersion: there.resourceVersion };
      await this.#resource(copy.kind).update({ ...copy, metadata });
      return "written";
    } catch (error) {
      // Its event is on the way, and with it the next look.
      if (isCode(error, 404, 409)) return "gone";
      throw error;
    }
  }

  /** Removes this very copy, and not another that has come in its place. */
  async remove({ kind, namespace, name, uid }: ContentEntry): Promise<void> {
    try {
      await this.#resource(kind).delete(name, namespace, { preconditions: { uid } });
    } catch (error) {
      if (!isCode(error, 404, 409)) throw error;
    }
  }

  #resource(kind: string) {
    return this.#client.resource(refs[kind as ContentKind]);
  }
}

function isNamespaceGoing(error: unknown): boolean {
  if (isCode(error, 404)) return true;
  if (!isCode(error, 403)) return false;
  return error.status.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") ?? false;
}
