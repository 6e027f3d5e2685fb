import type { Client, Clock, Logger } from "@podwright/client";
import type { ImageCatalog, View } from "./catalog.ts";
import type { Candidate } from "./image.ts";
import { localName } from "./node-images.ts";
import { NodeImagesReporter } from "./reporter.ts";
import type { ImageEngine } from "./sources/engine.ts";
import { FollowedImages } from "./sources/followed-images.ts";
import { openSync } from "./sync/open-sync.ts";

export interface LocalImages {
  /** Whether an image is still there as it was seen. */
  confirm(candidate: Candidate): Promise<boolean>;
  stop(): Promise<void>;
}

/** Follows the engine of this machine for a cluster whose nodes are all here: straight into the catalog. */
export async function followLocalImages(options: {
  engine: ImageEngine;
  client: Client;
  clock: Clock;
  logger: Logger;
  catalog: ImageCatalog;
  compareEveryMs?: number;
  /** Brings images that docker builds to this containerd, which the engine is of. */
  sync?: { socket: string };
}): Promise<LocalImages> {
  const { engine, client, clock, logger, catalog } = options;
  const reporter: NodeImagesReporter = new NodeImagesReporter({
    client,
    name: localName,
    source: engine.kind,
    allNodes: true,
    clock,
    logger,
    images: () => followed.images,
    status: () => followed.status,
    // For people and for the next start; the catalog need not wait for it.
    gatherMs: 1_000,
  });
  const view: View = { source: engine.kind };
  const followed: FollowedImages = new FollowedImages({
    engine,
    clock,
    logger,
    known: await reporter.previous(),
    onChange({ images, gone, whole }) {
      if (whole) catalog.replace(localName, view, images);
      else catalog.change(localName, view, images, gone);
      reporter.changed();
      sync?.changed();
    },
    onStatus: () => reporter.changed(),
    ...(options.compareEveryMs === undefined ? {} : { compareEveryMs: options.compareEveryMs }),
  });
  const sync =
    options.sync === undefined ? undefined : await openSync({ ...options.sync, client, clock, logger }, followed);
  reporter.start();
  followed.start();
  return {
    confirm: async ({ name, ids, source, nodes }) =>
      source !== engine.kind || nodes !== undefined ? true : followed.confirm(name, ids),
    async stop() {
      await sync?.stop();
      await followed.stop();
      await reporter.stop();
      catalog.drop(localName);
    },
  };
}
