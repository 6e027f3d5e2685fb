import type { EventRecorder } from "@podwright/client";
import type { Pod } from "../../kinds.ts";
import { PodControl } from "../pod-control.ts";
import type { PodWriter } from "../pod-writer.ts";
import { type Job, trackingFinalizer } from "./job.ts";
import { isTracked } from "./job-pods.ts";

/** A Job controller's way to write pods, which stay until they have been counted. */
export class JobPodControl extends PodControl {
  readonly #pods: PodWriter;

  constructor(pods: PodWriter, recorder: EventRecorder) {
    super(pods, recorder);
    this.#pods = pods;
  }

  override async delete(job: Job, pod: Pod): Promise<void> {
    if (pod.metadata.deletionTimestamp === undefined) await super.delete(job, pod);
  }

  /** Lets go of a pod whose end has been counted. Fine when the pod is gone. */
  async removeFinalizer(pod: Pod): Promise<void> {
    if (!isTracked(pod)) return;
    await this.#pods.patch(pod, { metadata: { "$deleteFromPrimitiveList/finalizers": [trackingFinalizer] } });
  }
}
