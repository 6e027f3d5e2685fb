import { type Client, type Clock, type Informer, pods, type ResourceClient } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import type { Pod } from "../kinds.ts";
import { isPodReady, podCondition } from "../pods.ts";
import { isNotFound } from "./controller.ts";
import { RecentWrites } from "./recent-writes.ts";

/** Creates and deletes pods for a controller, which through it sees them at once. */
export class PodWriter {
  readonly client: ResourceClient<Pod>;
  readonly #writes: RecentWrites<Pod>;

  /** @param cache with the index "controller". */
  constructor(client: Client, cache: Informer<Pod>, clock: Clock) {
    this.client = client.resource<Pod>(pods);
    this.#writes = new RecentWrites(cache, clock);
  }

  /** What the owner controls, and the orphans of its namespace. */
  known(owner: KubeObject): Pod[] {
    return this.#writes.ofOwner(owner);
  }

  async create(pod: Pod): Promise<Pod> {
    const created = await this.client.create(pod);
    this.#writes.wrote(created);
    return created;
  }

  async update(pod: Pod): Promise<void> {
    this.#writes.wrote(await this.client.update(pod));
  }

  /** A strategic patch, provided that it is still the same pod. One that is gone needs none. */
  async patch(pod: Pod, { metadata, ...patch }: { metadata?: object }): Promise<void> {
    const { name = "", namespace, uid } = pod.metadata;
    const body = { metadata: { uid, ...metadata }, ...patch };
    await this.#ending(pod, () => this.client.patch(name, namespace, body, { type: "strategic" }));
  }

  /** False when it was gone already. */
  async delete(pod: Pod): Promise<boolean> {
    const { name = "", namespace, uid = "" } = pod.metadata;
    return this.#ending(pod, () => this.client.delete(name, namespace, { preconditions: { uid } }));
  }

  /** Remembers what is left of the pod after the last write to it, if anything is. False when it was gone before. */
  async #ending(pod: Pod, write: () => Promise<KubeObject>): Promise<boolean> {
    try {
      const left = (await write()) as Pod | undefined;
      if (left?.kind === "Pod" && !isGone(left)) this.#writes.wrote(left);
      else this.#writes.deleted(pod);
      return true;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#writes.deleted(pod);
      return false;
    }
  }
}

/** Nothing keeps it any more: the answer shows the last there was of it. */
function isGone({ metadata }: Pod): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers = [] } = metadata;
  if (deletionTimestamp === undefined) return false;
  return deletionGracePeriodSeconds === 0 && finalizers.length === 0;
}

/** When the next ready pod will have been ready for minReadySeconds, in milliseconds from now. */
export function nextAvailabilityMs(pods: readonly Pod[], minReadySeconds: number, nowMs: number): number | undefined {
  if (minReadySeconds === 0) return undefined;
  let nextMs: number | undefined;
  for (const pod of pods) {
    if (!isPodReady(pod)) continue;
    const since = Date.parse(podCondition(pod, "Ready")?.lastTransitionTime ?? "");
    const waitMs = since + minReadySeconds * 1000 - nowMs;
    if (waitMs > 0 && (nextMs === undefined || waitMs < nextMs)) nextMs = waitMs;
  }
  return nextMs;
}
