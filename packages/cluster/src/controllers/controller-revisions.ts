/**
 * What the template of a StatefulSet or DaemonSet was over time, as ControllerRevisions
 * (k8s.io/kubernetes/pkg/controller/history, statefulset/stateful_set_control.go, daemon/update.go).
 */
import { type Client, type Clock, controllerRevisions, type Informer, type ResourceClient } from "@podwright/client";
import type { KubeObject, LabelSelector } from "@podwright/kube";
import type { PodTemplate } from "../kinds.ts";
import { controllerOf, controllerReference } from "../owner-references.ts";
import { claim } from "./claim.ts";
import { isAlreadyExists, isNotFound } from "./controller.ts";
import { contentHash, stableJson } from "./deployment/hash.ts";
import { RecentWrites } from "./recent-writes.ts";

/** Of revisions and of the pods that were made from them. */
export const revisionHashLabel = "controller-revision-hash";
const longestPrefix = 223;

export interface ControllerRevision extends KubeObject {
  /** A strategic merge patch that brings the template back. */
  data: { spec: { template: PodTemplate & { $patch: "replace" } } };
  revision: number;
}

/** What has revisions. */
export interface Revisioned extends KubeObject {
  spec: { template: PodTemplate; revisionHistoryLimit?: number };
  status?: { collisionCount?: number };
}

export interface CurrentRevision {
  revision: ControllerRevision;
  /** Of the owner's status: how often a name was taken already. */
  collisionCount: number;
}

/** The template that a revision brings back. */
export function templateOf(revision: ControllerRevision): PodTemplate {
  const { $patch: _directive, ...template } = revision.data.spec.template;
  return template;
}

export class RevisionHistory {
  readonly #client: ResourceClient<ControllerRevision>;
  readonly #writes: RecentWrites<ControllerRevision>;

  constructor(client: Client, cache: Informer<ControllerRevision>, clock: Clock) {
    this.#client = client.resource<ControllerRevision>(controllerRevisions);
    this.#writes = new RecentWrites(cache, clock);
  }

  /**
   * The owner's revisions in the order of their numbers; orphans that its selector matches become its own.
   *
   * @param fresh reads the owner anew: one that is being deleted adopts nothing.
   */
  async list(
    owner: Revisioned,
    selector: LabelSelector,
    fresh: () => Promise<KubeObject>,
  ): Promise<ControllerRevision[]> {
    return (await claim(owner, selector, this.#writes.ofOwner(owner), this.#client, fresh)).sort(byNumber);
  }

  /**
   * The revision of the owner's template: the newest, an older one that gets the next number (a rollback), or a
   * new one.
   *
   * @param revisions of {@link list}; changed with what is written.
   */
  async current(owner: Revisioned, revisions: ControllerRevision[]): Promise<CurrentRevision> {
    const data = dataOf(owner.spec.template);
    const collisionCount = owner.status?.collisionCount ?? 0;
    const equal = revisions.findLast((revision) => sameData(revision.data, data));
    if (equal !== undefined && equal === revisions.at(-1)) return { revision: equal, collisionCount };
    const number = (revisions.at(-1)?.revision ?? 0) + 1;
    if (equal === undefined) {
      const created = await this.#create(owner, data, number, collisionCount);
      revisions.push(created.revision);
      return created;
    }
    const written = await this.#client.update({ ...equal, revision: number });
    this.#writes.wrote(written);
    revisions.splice(revisions.indexOf(equal), 1);
    revisions.push(written);
    return { revision: written, collisionCount };
  }

  async #create(
    owner: Revisioned,
    data: ControllerRevision["data"],
    number: number,
    collisionCount: number,
  ): Promise<CurrentRevision> {
    for (let collisions = collisionCount; ; collisions++) {
      const wanted = newRevision(owner, data, number, collisions);
      try {
        const revision = await this.#client.create(wanted);
        this.#writes.wrote(revision);
        return { revision, collisionCount: collisions };
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const existing = await this.#client.get(wanted.metadata.name ?? "", owner.metadata.namespace);
        if (controllerOf(existing)?.uid === owner.metadata.uid && sameData(existing.data, data)) {
          return { revision: existing, collisionCount: collisions };
        }
      }
    }
  }

  /** Deletes the oldest of those that are not in use beyond spec.revisionHistoryLimit. */
  async truncate(
    owner: Revisioned,
    revisions: readonly ControllerRevision[],
    isLive: (revision: ControllerRevision) => boolean,
  ): Promise<void> {
    const limit = owner.spec.revisionHistoryLimit ?? 10;
    const unused = revisions.filter((revision) => !isLive(revision));
    for (const revision of unused.slice(0, Math.max(unused.length - limit, 0))) {
      const { name = "", namespace, uid = "" } = revision.metadata;
      await this.#client.delete(name, namespace, { preconditions: { uid } }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      this.#writes.deleted(revision);
    }
  }
}

function dataOf(template: PodTemplate): ControllerRevision["data"] {
  return { spec: { template: { ...template, $patch: "replace" } } };
}

function newRevision(
  owner: Revisioned,
  data: ControllerRevision["data"],
  number: number,
  collisions: number,
): ControllerRevision {
  const { name = "", namespace = "", annotations } = owner.metadata;
  const hash = contentHash(data, collisions);
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: `${name.slice(0, longestPrefix)}-${hash}`,
      namespace,
      labels: { ...owner.spec.template.metadata?.labels, [revisionHashLabel]: hash },
      ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
      ownerReferences: [controllerReference(owner)],
    },
    data,
    revision: number,
  };
}

function sameData(a: ControllerRevision["data"], b: ControllerRevision["data"]): boolean {
  return stableJson(a) === stableJson(b);
}

/** By number, then by age, then by name. */
function byNumber(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  const [timeA, timeB] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  return (a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1;
}
