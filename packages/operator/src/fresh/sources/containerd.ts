import {
  contentOf,
  type Descriptor,
  GrpcConnection,
  type Image,
  imageEvent,
  imagesOf,
  subscribe,
  timestampMs,
  version,
} from "@podwright/containerd";
import type { NamedImage } from "../image.ts";
import { formatReference, tryReference } from "../reference.ts";
import type { EngineHandlers, EngineWatch, ImageEngine } from "./engine.ts";

export interface ContainerdEngineOptions {
  socket: string;
  /** The namespaces that are looked at; of the same name in several, the first counts. Default k8s.io, moby, default. */
  namespaces?: readonly string[];
  /** The namespace that nodes run images of; those of others are "outside". Without it, all are as good. */
  nodeNamespace?: string;
  /** Before the first new attempt to connect. Default 100. */
  retryMs?: number;
}

/** What the content of an image is, told by its target. */
interface Content {
  ids: readonly string[];
  builtAt?: number;
  revision?: string;
}

const defaultNamespaces = ["k8s.io", "moby", "default"] as const;
const revisionLabel = "org.opencontainers.image.revision";
const mostCached = 5_000;
const atOnce = 8;

/** The images of a containerd, in the namespaces of Kubernetes, docker and ctr. */
export function containerdEngine(options: ContainerdEngineOptions): ImageEngine {
  const { socket, namespaces = defaultNamespaces, nodeNamespace } = options;
  const connection = new GrpcConnection({ socket });
  const contents = new Map<string, Promise<Content>>();

  const contentOfImage = (namespace: string, target: Descriptor, signal: AbortSignal): Promise<Content> => {
    const key = `${namespace} ${target.digest}`;
    const known = contents.get(key);
    if (known !== undefined) return known;
    if (contents.size >= mostCached) contents.clear();
    const content = readContent(connection, namespace, target, signal);
    contents.set(key, content);
    // One that is not complete yet, or not for this platform, may be so later.
    content.then(
      ({ ids }) => ids[0] === target.digest && contents.delete(key),
      () => contents.delete(key),
    );
    return content;
  };

  const toNamed = async (namespace: string, image: Image, signal: AbortSignal): Promise<NamedImage | undefined> => {
    const reference = tryReference(image.name);
    if (reference === undefined || reference.digest !== undefined || image.target === undefined) return undefined;
    if (!image.name.includes("/")) return undefined;
    const content = await contentOfImage(namespace, image.target, signal);
    const namedAt = timestampMs(image.updatedAt);
    return {
      name: formatReference(reference),
      ...content,
      ...(namedAt === 0 ? {} : { namedAt }),
      ...(nodeNamespace === undefined || namespace === nodeNamespace ? {} : { outside: namespace }),
    };
  };

  const gather = async (signal: AbortSignal, filters: string[]): Promise<NamedImage[]> => {
    const found = new Map<string, NamedImage>();
    const lists = await Promise.all(
      namespaces.map(async (namespace) => ({
        namespace,
        images: await imagesOf(connection, namespace).list(filters, { signal }),
      })),
    );
    for (const { namespace, images } of lists) {
      for (let at = 0; at < images.length; at += atOnce) {
        const some = images.slice(at, at + atOnce).map((image) => toNamed(namespace, image, signal));
        for (const image of await Promise.all(some)) {
          if (image !== undefined && !found.has(image.name)) found.set(image.name, image);
        }
      }
    }
    return [...found.values()];
  };

  return {
    kind: "containerd",
    list: (signal) => gather(signal, []),
    find: (key, signal) => gather(signal, [`name==${JSON.stringify(key)}`]),
    watch: (handlers) => watchImages(connection, new Set(namespaces), handlers, options.retryMs ?? 100),
    close: () => connection.close(),
  };
}

/** Whether a containerd answers on the socket. */
export async function containerdAnswers(socket: string, timeoutMs: number): Promise<boolean> {
  const connection = new GrpcConnection({ socket });
  try {
    await version(connection, { timeoutMs });
    return true;
  } catch {
    return false;
  } finally {
    connection.close();
  }
}

function watchImages(
  connection: GrpcConnection,
  namespaces: ReadonlySet<string>,
  { onConnected, onHint, onLost }: EngineHandlers,
  retryMs: number,
): EngineWatch {
  const stop = new AbortController();
  const once = async (): Promise<void> => {
    const events = subscribe(connection, ['topic~="^/images/"'], { signal: stop.signal });
    const first = events.next();
    first.catch(() => {});
    // It says nothing when it has taken a subscription; it answers calls in turn.
    await version(connection, { signal: stop.signal });
    onConnected();
    for (let next = await first; !next.done; next = await events.next()) {
      const { namespace, topic, event } = next.value;
      if (!namespaces.has(namespace) || event === undefined) continue;
      const { name } = imageEvent.decode(event.value);
      onHint(topic === "/images/delete" ? {} : { key: name });
    }
    if (!stop.signal.aborted) throw new Error("containerd ended its stream of events");
  };
  const running = (async () => {
    let failures = 0;
    while (!stop.signal.aborted) {
      const connectedAt = performance.now();
      try {
        await once();
      } catch (error) {
        if (stop.signal.aborted) return;
        if (performance.now() - connectedAt > 5_000) failures = 0;
        if (failures++ === 0) onLost(error);
      }
      await abortableSleep(retryMs * Math.min(2 ** failures, 30), stop.signal);
    }
  })();
  return {
    async close() {
      stop.abort();
      await running;
    },
  };
}

interface Manifest {
  config?: { digest?: string };
  manifests?: { digest: string; platform?: { os?: string; architecture?: string } }[];
}

/** The digests of index, manifest and configuration, and what the configuration says. */
async function readContent(
  connection: GrpcConnection,
  namespace: string,
  target: Descriptor,
  signal: AbortSignal,
): Promise<Content> {
  const content = contentOf(connection, namespace);
  const read = async (digest: string) =>
    JSON.parse((await content.readAll(digest, 4 << 20, { signal })).toString("utf8")) as unknown;
  try {
    let manifest = (await read(target.digest)) as Manifest;
    const digests = [target.digest];
    if (manifest.manifests !== undefined) {
      const ours = manifest.manifests.find(({ platform }) => fitsPlatform(platform)) ?? manifest.manifests[0];
      if (ours === undefined) return { ids: digests };
      digests.unshift(ours.digest);
      manifest = (await read(ours.digest)) as Manifest;
    }
    const config = manifest.config?.digest;
    if (config === undefined) return { ids: digests };
    const about = (await read(config)) as { created?: string; config?: { Labels?: Record<string, string> } };
    const builtAt = Math.floor(Date.parse(about.created ?? "") / 1000) * 1000;
    const revision = about.config?.Labels?.[revisionLabel];
    return {
      ids: [config, ...digests],
      ...(builtAt > 0 ? { builtAt } : {}),
      ...(revision ? { revision } : {}),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    // Not all of it is here, or it is none: its own digest tells it apart.
    return { ids: [target.digest] };
  }
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

function fitsPlatform(platform: { os?: string; architecture?: string } | undefined): boolean {
  return platform === undefined || (platform.os === "linux" && platform.architecture === architectures[process.arch]);
}

function abortableSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
