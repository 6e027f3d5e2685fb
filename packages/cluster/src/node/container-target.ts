import type { Container } from "../kinds.ts";
import { type ContainerRecord, runningId } from "./container-record.ts";
import { ContainerConfigError } from "./environment/config-error.ts";

/** The container whose processes an ephemeral one is to see. */
export function targetOf({ targetContainerName }: Container, records: readonly ContainerRecord[]): string | undefined {
  if (!targetContainerName) return undefined;
  const id = runningId(records, targetContainerName);
  if (id !== undefined) return id;
  throw new ContainerConfigError(`unable to find target container ${targetContainerName}`);
}
