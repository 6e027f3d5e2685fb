import type { Pod } from "../kinds.ts";
import type { PodContainers } from "./pod-containers.ts";
import { isStaticPod } from "./static/static-pods.ts";
import type { Stopping } from "./stopping.ts";

/** What a pod gets whose object is gone already. */
const goneGraceMs = 1000;

/** How a pod comes to its end. */
export class PodEnding {
  readonly #containers: PodContainers;
  readonly #begun = new AbortController();
  #stopping: Stopping | undefined;

  constructor(containers: PodContainers) {
    this.#containers = containers;
  }

  /** Aborts when the pod is to end: what is under way of its start is of no use any more. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  /** The pod is to end. */
  begin(): void {
    this.#begun.abort();
  }

  /** The pod is being deleted, or its object is gone: containers that are being ended may have less time now. */
  hurry(pod: Pod, gone: boolean): void {
    this.begin();
    if (gone || pod.metadata.deletionGracePeriodSeconds !== undefined) this.#stopping?.hurry(graceMs(pod, gone));
  }

  /** Ends all containers; resolves when their ends are noted. */
  async stopContainers(pod: Pod, gone: boolean): Promise<void> {
    this.#stopping = this.#containers.stopAll(graceMs(pod, gone));
    try {
      await this.#stopping.done;
    } finally {
      this.#stopping = undefined;
    }
    await this.#containers.endsNoted();
  }
}

function graceMs(pod: Pod, gone: boolean): number {
  if (gone && !isStaticPod(pod)) return goneGraceMs;
  return (pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
}
