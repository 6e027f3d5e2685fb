/** A Job controller's way to write pods, each write told by an event on the Job. */
import type { EventRecorder, Informer, ResourceClient } from "@podwright/client";
import type { Pod } from "../../kinds.ts";
import { isNamespaceTerminating, isNotFound } from "../controller.ts";
import type { RecentWrites } from "../recent-writes.ts";
import { type Job, trackingFinalizer } from "./job.ts";
import { isTracked } from "./job-pods.ts";

export interface PodControlParts {
  podClient: ResourceClient<Pod>;
  podCache: Informer<Pod>;
  podWrites: RecentWrites<Pod>;
  recorder: EventRecorder;
}

export class PodControl {
  readonly #parts: PodControlParts;

  constructor(parts: PodControlParts) {
    this.#parts = parts;
  }

  async create(job: Job, pod: Pod): Promise<void> {
    const { podClient, recorder } = this.#parts;
    try {
      const created = await podClient.create(pod);
      this.#wrote(created);
      recorder.event(job, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      recorder.event(job, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  async delete(job: Job, pod: Pod): Promise<void> {
    const { podClient, podWrites, recorder } = this.#parts;
    const { name = "", namespace, uid = "", deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) return;
    try {
      const left = (await podClient.delete(name, namespace, { preconditions: { uid } })) as Pod | undefined;
      if (left?.kind === "Pod" && left.metadata.deletionTimestamp !== undefined) {
        const stays = left.metadata.deletionGracePeriodSeconds !== 0 || isTracked(left);
        if (stays) this.#wrote(left);
        else podWrites.deleted(pod);
      } else podWrites.deleted(pod);
    } catch (error) {
      if (isNotFound(error)) {
        podWrites.deleted(pod);
        return;
      }
      recorder.event(job, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
      throw new Error(`unable to delete pods: ${messageOf(error)}`, { cause: error });
    }
    recorder.event(job, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  }

  /** Lets go of a pod whose end has been counted. Fine when the pod is gone. */
  async removeFinalizer(pod: Pod): Promise<void> {
    if (!isTracked(pod)) return;
    const { podClient, podWrites } = this.#parts;
    const { name = "", namespace, uid = "" } = pod.metadata;
    const patch = { metadata: { uid, "$deleteFromPrimitiveList/finalizers": [trackingFinalizer] } };
    try {
      const left = await podClient.patch(name, namespace, patch, { type: "strategic" });
      const { finalizers = [], deletionGracePeriodSeconds } = left.metadata;
      if (finalizers.length === 0 && deletionGracePeriodSeconds === 0) podWrites.deleted(pod);
      else this.#wrote(left);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      podWrites.deleted(pod);
    }
  }

  #wrote(pod: Pod): void {
    const { podCache, podWrites } = this.#parts;
    podWrites.wrote(pod, podCache.get(pod.metadata.name ?? "", pod.metadata.namespace));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
