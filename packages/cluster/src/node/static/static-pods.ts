/** Pods from a folder of manifests (k8s.io/kubernetes/pkg/kubelet/config/{file.go,common.go}). */
import { createHash } from "node:crypto";
import { type FSWatcher, watch } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Logger, Timer } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import type { Pod } from "../../kinds.ts";
import { parseImageName } from "../images/image-name.ts";

export interface StaticPodsOptions {
  /** Made when it is not there. Files whose names begin with a dot are left out. */
  folder: string;
  node: string;
  clock: Clock;
  logger: Logger;
  added(pod: Pod): void;
  removed(pod: Pod): void;
}

/** Editors write in more than one step. */
const settleMs = 100;
/** No manifest of a pod is larger. */
const largestFile = 10 * 1024 * 1024;

const sourceAnnotation = "kubernetes.io/config.source";
const hashAnnotation = "kubernetes.io/config.hash";
const seenAnnotation = "kubernetes.io/config.seen";

export function isStaticPod({ metadata }: Pod): boolean {
  return metadata.annotations?.[sourceAnnotation] === "file";
}

/** Tells of the pods in a folder, as they come, change (which is to go and to come) and go. */
export class StaticPods {
  readonly #options: StaticPodsOptions;
  /** By uid. */
  #pods = new Map<string, Pod>();
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #reading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: StaticPodsOptions) {
    this.#options = options;
  }

  /** Resolves when those that are there were told. */
  async start(): Promise<void> {
    const { folder, clock } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    this.#watcher = watch(folder, { persistent: false }, () => {
      this.#timer?.cancel();
      this.#timer = clock.after(settleMs, () => void this.#read(), { background: true });
    });
    await this.#read();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#watcher?.close();
    await this.#reading;
  }

  #read(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readOnce()).catch((error: unknown) => this.#warn("", error));
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    if (this.#stopped) return;
    const { folder, node, clock, added, removed } = this.#options;
    const found = new Map<string, Pod>();
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith(".") || entry.isDirectory()) continue;
      const path = join(folder, entry.name);
      try {
        const text = await readFile(path, "utf8");
        if (text.length > largestFile) throw new Error("the file is too large");
        const pod = await staticPod(text, path, node, clock.now());
        found.set(pod.metadata.uid ?? "", pod);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#warn(path, error);
      }
    }
    const before = this.#pods;
    this.#pods = new Map([...found].map(([uid, pod]) => [uid, before.get(uid) ?? pod]));
    for (const [uid, pod] of before) if (!found.has(uid)) removed(pod);
    for (const [uid, pod] of found) if (!before.has(uid)) added(pod);
  }

  #warn(path: string, error: unknown): void {
    const message = messageOf(error);
    this.#options.logger.warn("a manifest of a static pod cannot be used", { path, error: message });
  }
}

/** The pod of a manifest on a node. Throws when it is none. */
export async function staticPod(text: string, path: string, node: string, nowMs: number): Promise<Pod> {
  const { parse } = await import("yaml");
  const read: unknown = parse(text);
  if (!isPod(read)) throw new Error("invalid pod: a manifest has one Pod of v1, with a name and containers");
  const { metadata, spec } = read;
  const uid = createHash("md5").update(JSON.stringify(read)).update(`host:${node}file:${path}`).digest("hex");
  const annotations = {
    ...metadata.annotations,
    [hashAnnotation]: uid,
    [seenAnnotation]: new Date(nowMs).toISOString(),
    [sourceAnnotation]: "file",
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      name: `${metadata.name}-${node.toLowerCase()}`,
      namespace: metadata.namespace ?? "default",
      uid,
      annotations,
    },
    spec: {
      ...spec,
      nodeName: node,
      restartPolicy: spec.restartPolicy ?? "Always",
      terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
      tolerations: [...(spec.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
      enableServiceLinks: spec.enableServiceLinks ?? true,
      containers: spec.containers.map(withPullPolicy),
      ...(spec.initContainers && { initContainers: spec.initContainers.map(withPullPolicy) }),
    },
    status: { phase: "Pending" },
  };
}

function isPod(read: unknown): read is Pod {
  const { apiVersion, kind, metadata, spec } = (read ?? {}) as Partial<Pod>;
  const containers = spec?.containers;
  return (
    apiVersion === "v1" && kind === "Pod" && !!metadata?.name && Array.isArray(containers) && containers.length > 0
  );
}

function withPullPolicy<T extends { image?: string; imagePullPolicy?: string }>(container: T): T {
  if (container.imagePullPolicy !== undefined) return container;
  return { ...container, imagePullPolicy: isLatest(container.image ?? "") ? "Always" : "IfNotPresent" };
}

function isLatest(image: string): boolean {
  try {
    const { tag, digest } = parseImageName(image);
    return digest === undefined && (tag ?? "latest") === "latest";
  } catch {
    return false;
  }
}
