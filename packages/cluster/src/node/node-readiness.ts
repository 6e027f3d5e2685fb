import { type Client, type Clock, type Logger, nodes } from "@podwright/client";
import { formatTime } from "@podwright/kube";
import type { Condition, Node } from "../kinds.ts";
import { ready } from "./node-object.ts";

/** Tells the server when a node can run pods no more, and when it can again. */
export class NodeReadiness {
  readonly #client: Client;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #wanted: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(client: Client, node: string, clock: Clock, logger: Logger) {
    this.#client = client;
    this.#node = node;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** What is wrong now, if anything is. */
  get problem(): string | undefined {
    return this.#wanted;
  }

  /** @param problem of the runtime; undefined: there is none. */
  set(problem: string | undefined): void {
    this.#wanted = problem;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async #write(): Promise<void> {
    for (let written: string | undefined | null = null; written !== this.#wanted; ) {
      const problem: string | undefined = this.#wanted;
      const now = formatTime(this.#clock.now());
      const condition = { ...ready(problem), lastHeartbeatTime: now, lastTransitionTime: now } as Condition;
      const patch = { status: { conditions: [condition] } } as Partial<Node>;
      try {
        const options = { type: "strategic", subresource: "status" } as const;
        await this.#client.resource<Node>(nodes).patch(this.#node, undefined, patch, options);
      } catch (error) {
        this.#logger.warn("a node's condition could not be written", { node: this.#node, error: String(error) });
      }
      written = problem;
    }
  }
}
