/** What the API shows of static pods (k8s.io/kubernetes/pkg/kubelet/pod/mirror_client.go). */
import { type Client, type Clock, type Logger, objectKey, pods, WorkQueue } from "@podwright/client";
import { messageOf } from "@podwright/kube";
import { isAlreadyExists, isNotFound } from "../../controllers/controller.ts";
import type { Node, Pod } from "../../kinds.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";
const hashAnnotation = "kubernetes.io/config.hash";

/**
 * So long one that somebody deletes is left to be seen, as the kubelet's worker leaves it: `kubectl delete` looks for the
 * pod and begins to watch, and would wait for ever if another of its name came between.
 */
const seenMs = 1000;

/** Does the pod only show what a node runs by itself? */
export function isMirrorPod({ metadata }: Pod): boolean {
  return metadata.annotations?.[mirrorAnnotation] !== undefined;
}

export interface MirrorPodsOptions {
  client: Client;
  node: Node;
  clock: Clock;
  logger: Logger;
  /** The mirror of the static pod is there, as it is now; undefined: it is not. */
  changed(staticPod: Pod, mirror: Pod | undefined): void;
}

/** Keeps one mirror of each static pod: made anew when it is deleted or is another pod's, gone when the pod is. */
export class MirrorPods {
  readonly #options: MirrorPodsOptions;
  readonly #queue: WorkQueue;
  /** By namespace/name. */
  readonly #wanted = new Map<string, Pod>();
  readonly #present = new Map<string, Pod>();

  constructor(options: MirrorPodsOptions) {
    const { clock, logger } = options;
    this.#options = options;
    this.#queue = new WorkQueue({
      reconcile: (key) => this.#reconcile(key),
      concurrency: 4,
      clock,
      maxBackoffMs: 30_000,
      onError: (key, error) => {
        const fields = { pod: key, error: messageOf(error) };
        logger.warn("the mirror of a static pod could not be made, it will be tried again", fields);
      },
    });
  }

  /** To be called when the mirrors that are there were told. */
  start(): void {
    this.#queue.start();
  }

  async stop(): Promise<void> {
    await this.#queue.stop();
  }

  /** There is this static pod. */
  add(pod: Pod): void {
    const key = objectKey(pod);
    this.#wanted.set(key, pod);
    this.#queue.add(key);
    this.#tell(key);
  }

  /** The static pod has ended. */
  remove(pod: Pod): void {
    const key = objectKey(pod);
    if (this.#wanted.get(key)?.metadata.uid !== pod.metadata.uid) return;
    this.#wanted.delete(key);
    this.#queue.add(key);
  }

  /** A mirror on the server is new or has changed. */
  onMirror(mirror: Pod): void {
    const key = objectKey(mirror);
    this.#present.set(key, mirror);
    if (mirror.metadata.deletionTimestamp === undefined) this.#queue.add(key);
    else this.#queue.addAfter(key, seenMs);
    this.#tell(key);
  }

  onMirrorDeleted(mirror: Pod): void {
    const key = objectKey(mirror);
    this.#present.delete(key);
    this.#queue.add(key);
    this.#tell(key);
  }

  #tell(key: string): void {
    const pod = this.#wanted.get(key);
    const mirror = this.#present.get(key);
    if (pod !== undefined) this.#options.changed(pod, isOf(mirror, pod) ? mirror : undefined);
  }

  async #reconcile(key: string): Promise<void> {
    const wanted = this.#wanted.get(key);
    const present = this.#present.get(key);
    if (present !== undefined && (wanted === undefined || !isOf(present, wanted))) return this.#delete(present);
    if (present === undefined && wanted !== undefined) return this.#create(wanted);
  }

  async #create(pod: Pod): Promise<void> {
    const { node, client } = this.#options;
    const { name = "", uid = "" } = node.metadata;
    const { uid: hash = "", resourceVersion: _unused, ...metadata } = pod.metadata;
    const { status: _status, ...rest } = pod;
    const mirror = {
      ...rest,
      metadata: {
        ...metadata,
        annotations: { ...metadata.annotations, [mirrorAnnotation]: hash },
        ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid, controller: true }],
      },
    } as Pod;
    await client
      .resource<Pod>(pods)
      .create(mirror)
      .catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
  }

  async #delete({ metadata }: Pod): Promise<void> {
    const { name = "", namespace, uid } = metadata;
    const preconditions = uid === undefined ? {} : { uid };
    await this.#options.client
      .resource(pods)
      .delete(name, namespace, { gracePeriodSeconds: 0, preconditions })
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  }
}

/** The mirror stays: it shows this pod, and nobody deletes it. */
function isOf(mirror: Pod | undefined, pod: Pod): mirror is Pod {
  if (mirror === undefined || mirror.metadata.deletionTimestamp !== undefined) return false;
  return mirror.metadata.annotations?.[mirrorAnnotation] === pod.metadata.annotations?.[hashAnnotation];
}
