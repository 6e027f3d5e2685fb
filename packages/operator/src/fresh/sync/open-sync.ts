import type { Client, Clock, Logger } from "@podwright/client";
import type { FollowedImages } from "../sources/followed-images.ts";
import type { Sync } from "./syncer.ts";

/**
 * Starts to bring images to a containerd that is followed: the nodes', or that of the one node. Its code is loaded
 * here, for those who ask.
 */
export async function openSync(
  options: { socket: string; client: Client; node?: string; clock: Clock; logger: Logger },
  followed: Pick<FollowedImages, "images">,
): Promise<Sync> {
  const { startSync } = await import("./syncer.ts");
  const { followAskedNames } = await import("./asked-names.ts");
  const { socket, clock, logger } = options;
  const asked = followAskedNames(options, () => sync.changed());
  const sync = startSync({ socket, clock, logger, target: () => followed.images, isAsked: (name) => asked.has(name) });
  return {
    changed: sync.changed,
    async stop() {
      await asked.stop();
      await sync.stop();
    },
  };
}
