/** Pods written for an owner, each write told by an event on it (k8s.io/kubernetes/pkg/controller/controller_utils.go). */
import type { EventRecorder } from "@podwright/client";
import { type KubeObject, messageOf } from "@podwright/kube";
import type { Pod } from "../kinds.ts";
import { isNamespaceTerminating } from "./controller.ts";
import type { PodWriter } from "./pod-writer.ts";

export class PodControl {
  readonly #writer: PodWriter;
  readonly #recorder: EventRecorder;

  constructor(writer: PodWriter, recorder: EventRecorder) {
    this.#writer = writer;
    this.#recorder = recorder;
  }

  /** In a namespace that is going nothing is created, and nothing is wrong. */
  async create(owner: KubeObject, pod: Pod): Promise<void> {
    try {
      const { metadata } = await this.#writer.create(pod);
      this.#recorder.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${metadata.name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      this.#recorder.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  /** A pod that is gone already is as good as deleted, and not told. */
  async delete(owner: KubeObject, pod: Pod): Promise<void> {
    let wasThere: boolean;
    try {
      wasThere = await this.#writer.delete(pod);
    } catch (error) {
      this.#recorder.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
      throw new Error(`unable to delete pods: ${messageOf(error)}`, { cause: error });
    }
    if (wasThere) this.#recorder.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
  }
}
