import { isDeepStrictEqual } from "node:util";
import { type Client, nodes } from "@podwright/client";
import type { Node } from "../kinds.ts";
import type { ContainerRuntime } from "./runtime.ts";

/** The kubelet's nodeStatusMaxImages and maxNamesPerImageInNodeStatus (kubelet/nodestatus/setters.go, Images). */
const most = { images: 50, names: 5 };

type Images = { names: string[]; sizeBytes: number }[];

/** Tells the server what images a node has, the largest first. Nothing for pretended ones: they are all there. */
export class NodeImages {
  readonly #client: Client;
  readonly #node: string;
  readonly #runtime: () => ContainerRuntime;
  readonly #failed: (error: unknown) => void;
  #written: Images = [];
  #writing: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(client: Client, node: string, runtime: () => ContainerRuntime, failed: (error: unknown) => void) {
    this.#client = client;
    this.#node = node;
    this.#runtime = runtime;
    this.#failed = failed;
  }

  /** They have changed, or may have. What changes while it is written is written once, after that. */
  changed(): void {
    if (this.#stopped) return;
    if (this.#writing !== undefined) {
      this.#again = true;
      return;
    }
    this.#writing = this.#write()
      .catch(this.#failed)
      .finally(() => {
        this.#writing = undefined;
        if (this.#again) this.changed();
      });
  }

  async #write(): Promise<void> {
    this.#again = false;
    const runtime = this.#runtime();
    if (!runtime.runsPrograms) return;
    const images = (await runtime.listImages())
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, most.images)
      .map(({ names, sizeBytes }) => ({ names: names.slice(0, most.names), sizeBytes }));
    if (isDeepStrictEqual(images, this.#written)) return;
    const patch = { status: { images } } as Partial<Node>;
    await this.#client
      .resource<Node>(nodes)
      .patch(this.#node, undefined, patch, { type: "merge", subresource: "status" });
    this.#written = images;
  }

  /** Nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#writing;
  }
}
