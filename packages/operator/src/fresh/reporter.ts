import { type Client, type Clock, type Logger, nodeImages, WorkQueue } from "@podwright/client";
import { isCode, messageOf, type OwnerReference } from "@podwright/kube";
import type { SourceKind, TrackedImage } from "./image.ts";
import { fromReported, type NodeImages, type NodeImagesStatus, toReported } from "./node-images.ts";

export interface ReporterOptions {
  client: Client;
  /** The object's: the node's. */
  name: string;
  source: SourceKind;
  allNodes?: boolean;
  /** The Node: the report goes with it. */
  owner?: OwnerReference;
  clock: Clock;
  logger: Logger;
  /** The images to be reported now. */
  images: () => readonly TrackedImage[];
  status: () => { connected: boolean; missed: number };
  /** Changes within this are written together, and those that come while others are written. Default 5 ms. */
  gatherMs?: number;
}

const fieldManager = "podwright-image-agent";

/** Keeps a NodeImages object as the engine is: writes what has changed, and nothing else. */
export class NodeImagesReporter {
  readonly #options: ReporterOptions;
  readonly #queue: WorkQueue;
  #written: string | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      reconcile: () => this.#write(),
      clock: options.clock,
      minBackoffMs: 100,
      maxBackoffMs: 30_000,
      onError: (_key, error, failures) =>
        options.logger.warn("images could not be reported", { error: messageOf(error), failures }),
    });
  }

  /** What was reported last, also by an agent before this one. */
  async previous(): Promise<TrackedImage[]> {
    const { client, name, source } = this.#options;
    try {
      const object = await client.resource<NodeImages>(nodeImages).get(name);
      return object.status?.source === source ? fromReported(object.status) : [];
    } catch (error) {
      if (isCode(error, 404)) return [];
      throw error;
    }
  }

  start(): void {
    this.#queue.start();
  }

  /** Something has changed. */
  changed(): void {
    this.#queue.addAfter("all", this.#options.gatherMs ?? 5);
  }

  async stop(): Promise<void> {
    await this.#queue.stop();
  }

  async #write(): Promise<void> {
    const { client, name, source, allNodes, owner, images } = this.#options;
    const { connected, missed } = this.#options.status();
    const status: NodeImagesStatus = {
      source,
      ...(allNodes ? { allNodes } : {}),
      connected,
      missedEvents: missed,
      ...toReported(images()),
    };
    const text = JSON.stringify(status);
    if (text === this.#written) return;
    const object = {
      apiVersion: "podwright.dev/v1alpha1",
      kind: "NodeImages",
      metadata: { name, ...(owner === undefined ? {} : { ownerReferences: [owner] }) },
      status,
    };
    await client.resource(nodeImages).patch(name, undefined, object, { type: "apply", force: true, fieldManager });
    this.#written = text;
  }
}
