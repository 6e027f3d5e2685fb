import type { Logger } from "@podwright/client";
import type { ContainerRuntime } from "./runtime.ts";

/** Removes what a runtime still holds of pods that are not known, by their uids. */
export async function removeOrphans(
  runtime: ContainerRuntime,
  isKnown: (uid: string) => boolean,
  logger: Logger,
): Promise<void> {
  for (const orphan of await runtime.listPods()) {
    if (isKnown(orphan.uid)) continue;
    await runtime.removePod(orphan);
    const fields = { pod: `${orphan.namespace}/${orphan.name}`, uid: orphan.uid };
    logger.info("removed what was left of a pod that is gone", fields);
  }
}
