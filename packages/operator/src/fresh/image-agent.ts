import { type Client, type Clock, type Logger, nodes } from "@podwright/client";
import { isCode, type OwnerReference } from "@podwright/kube";
import { NodeImagesReporter } from "./reporter.ts";
import type { ImageEngine } from "./sources/engine.ts";
import { FollowedImages, type FollowStatus } from "./sources/followed-images.ts";
import { openSync } from "./sync/open-sync.ts";

export interface ImageAgentOptions {
  client: Client;
  /** The node that the agent runs on. */
  node: string;
  /** What has the images. */
  engine: ImageEngine;
  clock: Clock;
  logger: Logger;
  compareEveryMs?: number;
  /** Brings images that docker builds to this containerd. */
  sync?: { socket: string };
  onStatus?: (status: FollowStatus) => void;
}

export { containerdSocket, findEngine } from "./sources/find-engine.ts";

/** Reports the images of a node's engine into the NodeImages object of the node, until it is stopped. */
export async function startImageAgent(options: ImageAgentOptions): Promise<{ stop(): Promise<void> }> {
  const { client, node, engine, clock, logger, compareEveryMs, onStatus } = options;
  const owner = await ownerOf(client, node);
  const reporter: NodeImagesReporter = new NodeImagesReporter({
    client,
    name: node,
    source: engine.kind,
    clock,
    logger,
    images: () => followed.images,
    status: () => followed.status,
    ...(owner === undefined ? {} : { owner }),
  });
  const followed: FollowedImages = new FollowedImages({
    engine,
    clock,
    logger,
    known: await reporter.previous(),
    onChange() {
      reporter.changed();
      sync?.changed();
    },
    onStatus(status) {
      onStatus?.(status);
      reporter.changed();
    },
    ...(compareEveryMs === undefined ? {} : { compareEveryMs }),
  });
  const sync =
    options.sync === undefined ? undefined : await openSync({ ...options.sync, client, node, clock, logger }, followed);
  reporter.start();
  followed.start();
  return {
    async stop() {
      await sync?.stop();
      await followed.stop();
      await reporter.stop();
    },
  };
}

/** Undefined where there is no such node. */
async function ownerOf(client: Client, name: string): Promise<OwnerReference | undefined> {
  try {
    const { metadata } = await client.resource(nodes).get(name);
    return { apiVersion: "v1", kind: "Node", name, uid: metadata.uid as string };
  } catch (error) {
    if (isCode(error, 404)) return undefined;
    throw error;
  }
}
