import type { Client, Clock, EventRecorder, InformerFactory, Logger } from "@podwright/client";
import { messageOf, StatusError } from "@podwright/kube";

/** What every controller is made of: a client of the API and views of it that all controllers share. */
export interface ControllerContext {
  client: Client;
  informers: InformerFactory;
  recorder: EventRecorder;
  clock: Clock;
  logger: Logger;
}

/** Something that reconciles from {@link start} until {@link stop} has resolved. */
export interface Controller {
  start(): void;
  stop(): Promise<void>;
}

/** True when another writer was faster, or the object is gone: reconciling again is all there is to do. */
export function isLostRace(error: unknown): boolean {
  return error instanceof StatusError && (error.reason === "Conflict" || error.reason === "NotFound");
}

export function isNotFound(error: unknown): boolean {
  return error instanceof StatusError && error.reason === "NotFound";
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof StatusError && error.reason === "AlreadyExists";
}

/** Creating failed because the namespace is going: nothing to report, nothing to retry. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    (error.status.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? false)
  );
}

/** What a work queue does with errors: those of races are expected, the rest is logged. It is retried either way. */
export function reportTo(logger: Logger, controller: string): (key: string, error: unknown) => void {
  return (key, error) => {
    if (isLostRace(error)) return;
    logger.warn("reconciling failed, it will be tried again", {
      controller,
      key,
      error: messageOf(error),
    });
  };
}
