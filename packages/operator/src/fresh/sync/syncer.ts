import { type Clock, type Logger, WorkQueue } from "@podwright/client";
import { GrpcConnection } from "@podwright/containerd";
import { DockerClient, dockerAddress } from "@podwright/docker";
import { messageOf } from "@podwright/kube";
import type { TrackedImage } from "../image.ts";
import { type Reference, repositoryOf, tryReference } from "../reference.ts";
import { dockerEngine } from "../sources/docker.ts";
import { FollowedImages } from "../sources/followed-images.ts";
import { bringFromDocker } from "./from-docker.ts";
import { bringFromNamespace } from "./from-namespace.ts";

export interface SyncOptions {
  /** The containerd that nodes run images of. */
  socket: string;
  /** Its namespace. Default k8s.io. */
  namespace?: string;
  /** The images that this containerd has. */
  target: () => readonly TrackedImage[];
  /** Whether a pod asks for an image. */
  isAsked?: (name: string) => boolean;
  /** Where images are built. Default: the docker of this machine. */
  docker?: DockerClient;
  clock: Clock;
  logger: Logger;
}

export interface Sync {
  /** The target has other images. */
  changed(): void;
  stop(): Promise<void>;
}

const tries = 5;

/**
 * Brings images that docker, or another namespace of containerd, has to where nodes look for them: what is new of
 * repositories that nodes have images of already, and what pods ask for and nodes lack. One at a time.
 */
export function startSync(options: SyncOptions): Sync {
  const { socket, namespace = "k8s.io", target, isAsked = () => false, clock, logger } = options;
  const docker = options.docker ?? new DockerClient(dockerAddress());
  const connection = new GrpcConnection({ socket });
  const stop = new AbortController();
  const failures = new Map<string, number>();
  /** What docker has got since we came, by name. */
  const built = new Map<string, TrackedImage>();
  const lacks = (name: string) => !target().some((image) => image.name === name && image.outside === undefined);

  const bring = async (name: string): Promise<void> => {
    const there = target().find((image) => image.name === name);
    const common = { namespace, name, now: clock.now(), signal: stop.signal };
    const image = built.get(name) ?? (lacks(name) ? followed.images.find((each) => each.name === name) : undefined);
    if (there?.outside !== undefined) {
      await bringFromNamespace(connection, { ...common, from: there.outside });
    } else if (image !== undefined && there?.ids.includes(image.ids[0] as string) !== true) {
      const { blobs, bytes, sparedBytes } = await bringFromDocker(docker, connection, common);
      logger.info("brought an image to the node", { image: name, blobs, bytes, spared: sparedBytes });
    }
    failures.delete(name);
  };
  const queue = new WorkQueue({
    reconcile: bring,
    clock,
    minBackoffMs: 200,
    onError(name, error) {
      if (stop.signal.aborted) return;
      const count = (failures.get(name) ?? 0) + 1;
      failures.set(name, count);
      logger.warn("an image could not be brought to the node", { image: name, error: messageOf(error) });
      // It may be gone again: its next event is the next try.
      if (count >= tries) built.delete(name);
    },
  });

  const look = () => {
    const images = target();
    const there = new Set<string>();
    const repositories = new Set<string>();
    for (const { name, outside } of images) {
      if (outside !== undefined) continue;
      there.add(name);
      for (const each of repository(name)) repositories.add(each);
    }
    const isWanted = (name: string) => isAsked(name) || repositories.has(repository(name)[0] ?? "");
    for (const { name, outside } of images) if (outside !== undefined && isWanted(name)) queue.add(name);
    for (const name of built.keys()) if (isWanted(name)) queue.add(name);
    for (const { name } of followed.images) if (!there.has(name) && isAsked(name)) queue.add(name);
  };
  let started = false;
  const followed: FollowedImages = new FollowedImages({
    engine: dockerEngine(docker),
    clock,
    logger,
    onChange({ images, gone, whole }) {
      for (const name of gone) built.delete(name);
      // What was there when we came is not news.
      if (!whole || started) for (const image of images) built.set(image.name, image);
      started = true;
      look();
    },
  });
  queue.start();
  followed.start();
  return {
    changed: look,
    async stop() {
      stop.abort();
      await followed.stop();
      await queue.stop();
      connection.close();
    },
  };
}

function repository(name: string): string[] {
  const reference: Reference | undefined = tryReference(name);
  return reference === undefined ? [] : [repositoryOf(reference)];
}
