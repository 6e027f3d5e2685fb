import { messageOf } from "@podwright/kube";
import { ContainerConfigError } from "./environment/config-error.ts";
import { ImageTrouble } from "./images/pod-images.ts";
import type { ContainerExit } from "./runtime.ts";
import { ContainerStartError } from "./runtime.ts";

/** Why a container does not run, and what of it is to be told. */
export interface StartTrouble {
  /** Of the container's waiting. */
  reason: string;
  message: string;
  /** Of an event "Failed". */
  event: string;
  retryMs: number;
  /** It was made and could not be started: a run that is over. */
  run?: { id: string; exit: ContainerExit };
}

/** The kubelet's pause after something that may mend by itself. */
const retryMs = 10_000;
/** It sees sooner that a container has ended. */
const endSeenMs = 1000;

/** What went wrong at the start of a container, as the kubelet words it (kuberuntime_container.go, startContainer). */
export function startTrouble(error: unknown, nowMs: number): StartTrouble {
  const message = messageOf(error);
  if (error instanceof ImageTrouble) {
    return { reason: error.reason, message, event: `Error: ${error.reason}`, retryMs: error.retryMs };
  }
  const event = `Error: ${message}`;
  if (error instanceof ContainerConfigError) return { reason: error.reason, message, event, retryMs };
  if (!(error instanceof ContainerStartError)) return { reason: "CreateContainerError", message, event, retryMs };
  const { reason, containerId = "" } = error;
  if (reason !== "RunContainerError" && reason !== "StartError") return { reason, message, event, retryMs };
  const exit = { exitCode: 128, reason: "StartError", message, finishedAtMs: nowMs };
  return { reason: "RunContainerError", message, event, retryMs: endSeenMs, run: { id: containerId, exit } };
}
