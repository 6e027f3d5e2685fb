import type { Clock, EventRecorder } from "@podwright/client";
import type { Pod } from "../kinds.ts";
import type { PullSlots } from "./images/pull-slots.ts";
import type { ResizeAdmission } from "./pod-resize.ts";
import type { PodSetup } from "./pod-setup.ts";
import type { PodWorker } from "./pod-worker.ts";
import type { Connect } from "./probes/connect.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** What a pod's worker gets from its node. */
export interface PodWorkerContext {
  runtime: ContainerRuntime;
  setup: PodSetup;
  /** To the addresses of pods. */
  connect: Connect;
  pulls: PullSlots;
  clock: Clock;
  recorder: EventRecorder;
  hostIp: string;
  /** Why the node does not take the pod, if it does not. Called once, for pods that are new to the node. */
  refuse(pod: Pod): Promise<{ reason: string; message: string } | undefined>;
  resize: ResizeAdmission;
  /** The status changed, or the pod is at its end: look at {@link PodWorker.status} and {@link PodWorker.isOver}. */
  changed(worker: PodWorker): void;
  /** Which worker to tell of a container's end. */
  started(containerId: string, worker: PodWorker): void;
  failed(worker: PodWorker, error: unknown): void;
}
