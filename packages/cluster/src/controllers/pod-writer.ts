import { type Client, type Clock, type Informer, pods, type ResourceClient } from "@podwright/client";
import type { Pod } from "../kinds.ts";
import { controllerOf } from "../owner-references.ts";
import { isPodReady, podCondition } from "../pods.ts";
import { isNotFound } from "./controller.ts";
import { RecentWrites } from "./recent-writes.ts";

/** Creates and deletes pods for a controller, which through it sees them at once. */
export class PodWriter {
  readonly client: ResourceClient<Pod>;
  readonly #cache: Informer<Pod>;
  readonly #writes: RecentWrites<Pod>;

  /** @param cache with the index "controller". */
  constructor(client: Client, cache: Informer<Pod>, clock: Clock) {
    this.client = client.resource<Pod>(pods);
    this.#cache = cache;
    this.#writes = new RecentWrites(cache, clock);
  }

  /** What the owner controls, and the orphans of its namespace. */
  known(ownerUid: string, namespace: string): Pod[] {
    return this.#writes.merge(
      [...this.#cache.by("controller", ownerUid), ...this.#cache.by("controller", `orphan/${namespace}`)],
      (pod) => controllerOf(pod)?.uid === ownerUid,
    );
  }

  async create(pod: Pod): Promise<Pod> {
    const created = await this.client.create(pod);
    this.#remember(created);
    return created;
  }

  async update(pod: Pod): Promise<void> {
    this.#remember(await this.client.update(pod));
  }

  /** One that is gone already is as good as deleted. */
  async delete(pod: Pod): Promise<void> {
    const { name = "", namespace, uid = "" } = pod.metadata;
    try {
      const left = (await this.client.delete(name, namespace, { preconditions: { uid } })) as Pod | undefined;
      const stays =
        left?.kind === "Pod" &&
        left.metadata.deletionTimestamp !== undefined &&
        left.metadata.deletionGracePeriodSeconds !== 0;
      if (stays) this.#remember(left);
      else this.#writes.deleted(pod);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#writes.deleted(pod);
    }
  }

  #remember(pod: Pod): void {
    this.#writes.wrote(pod, this.#cache.get(pod.metadata.name ?? "", pod.metadata.namespace));
  }
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
