import { type GrpcConnection, grpcCodes, isGrpcCode, message, string, subscribe, uint32 } from "@podwright/containerd";
import { type ContainerStatus, containerStates, cri, sandboxStates } from "@podwright/containerd/cri";
import type { ContainerExit, RuntimeEvents } from "../../runtime.ts";
import { ContainerEnds, goneExit } from "../container-ends.ts";
import { criNamespace, criTimeMs } from "./cri-names.ts";

/** containerd.events.TaskExit */
const taskExit = message({ containerId: string(1), id: string(2), pid: uint32(3), exitStatus: uint32(4) });
/** containerd.events.TaskOOM */
const taskOom = message({ containerId: string(1) });

const images = "/images/";
const exits = "/tasks/exit";
const ooms = "/tasks/oom";
/** How long to wait for the word that a killed container had taken too much memory. */
const oomWaitMs = 50;
/** When containers that seemed to run as events began are looked at again: CRI learns of ends later than others. */
const laterLooksMs = [1_000, 5_000, 15_000];
/** How long it may be before an end has been looked at. */
const oomKeptMs = 10_000;

/** The ends of a node's containers as containerd's events tell them. */
export class ContainerdEnds extends ContainerEnds {
  readonly #connection: GrpcConnection;
  /** Containers that took too much memory, until their ends. */
  readonly #greedy = new Set<string>();
  readonly #closing = new AbortController();
  readonly #connected = Promise.withResolvers<void>();
  readonly #following: Promise<void>;

  constructor(connection: GrpcConnection, events: RuntimeEvents) {
    super(events);
    this.#connection = connection;
    this.#connected.promise.catch(() => {});
    this.#following = this.#follow();
  }

  override get connected(): Promise<void> {
    return this.#connected.promise;
  }

  /** The end of one that was found running may have been told before anybody listened. */
  lookLater(id: string): void {
    for (const afterMs of laterLooksMs) {
      setTimeout(() => void this.#lookOnce(id).catch(() => {}), afterMs).unref();
    }
  }

  async #lookOnce(id: string): Promise<void> {
    if (this.#closing.signal.aborted || !this.isTracked(id)) return;
    if (exitOf(await statusOf(this.#connection, id)) !== undefined) this.sawEnd(id);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#connected.reject(new Error("closed"));
    await this.#following;
    this.forgetAll();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#connection.ready(5_000);
        const topics = [`topic=="${exits}"`, `topic=="${ooms}"`, `topic~="^${images}"`];
        const filters = topics.map((topic) => `namespace==${criNamespace},${topic}`);
        const events = subscribe(this.#connection, filters, { signal });
        // The subscription stands a moment after it was asked for: what ends meanwhile is looked at once more.
        const first = events.next();
        first.catch(() => {});
        await this.catchUp(await this.#running());
        this.#connected.resolve();
        for (let event = await first; !event.done; event = await events.next()) {
          this.#onEvent(event.value.topic, event.value.event?.value ?? Buffer.alloc(0));
        }
      } catch (error) {
        if (signal.aborted) return;
        this.lost((error as Error).message);
      }
    }
  }

  #onEvent(topic: string, bytes: Uint8Array): void {
    if (topic.startsWith(images)) {
      this.events.imagesChanged?.();
      return;
    }
    if (topic === ooms) {
      this.#greedy.add(taskOom.decode(bytes).containerId);
      return;
    }
    const { containerId, id } = taskExit.decode(bytes);
    // Commands in a container end too.
    if (containerId !== id) return;
    this.sawEnd(id);
    setTimeout(() => this.#greedy.delete(id), oomKeptMs).unref();
  }

  async #running(): Promise<Set<string>> {
    const [{ containers }, { items }] = await Promise.all([
      this.#connection.unary(cri.listContainers, {}),
      this.#connection.unary(cri.listPodSandbox, {}),
    ]);
    const sandboxes = items.filter(({ state }) => state === sandboxStates.ready);
    const running = containers.filter(({ state }) => state === containerStates.running);
    return new Set([...sandboxes, ...running].map(({ id }) => id));
  }

  /** The event comes before CRI knows of it: it is asked until it does. */
  protected override async exitOf(id: string): Promise<ContainerExit | undefined> {
    try {
      for (let tries = 0; tries < 200; tries++) {
        if (tries > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(tries, 25)));
        const exit = exitOf(await statusOf(this.#connection, id));
        if (exit !== undefined) return await this.#explained(id, exit);
      }
      return undefined;
    } catch (error) {
      // Lost with the daemon: looked at again when it is back.
      return isGrpcCode(error, grpcCodes.notFound) ? goneExit() : undefined;
    }
  }

  /** That it took too much memory is told apart from its end, and may come later. */
  async #explained(id: string, exit: ContainerExit): Promise<ContainerExit> {
    if (exit.exitCode !== 137 || exit.reason !== "Error") return exit;
    if (!this.#greedy.has(id)) await new Promise((resolve) => setTimeout(resolve, oomWaitMs));
    return this.#greedy.has(id) ? { ...exit, reason: "OOMKilled" } : exit;
  }
}

export async function statusOf(connection: GrpcConnection, id: string): Promise<ContainerStatus> {
  const { status } = await connection.unary(cri.containerStatus, { id });
  if (status === undefined) throw new Error(`containerd says nothing of container ${id}`);
  return status as ContainerStatus;
}

/** How a container has ended; undefined while it runs. */
export function exitOf({ state, exitCode, reason, message, finishedAt }: ContainerStatus): ContainerExit | undefined {
  if (state !== containerStates.exited && state !== containerStates.unknown) return undefined;
  return {
    exitCode,
    reason: reason || (exitCode === 0 ? "Completed" : "Error"),
    finishedAtMs: finishedAt === 0 ? Date.now() : criTimeMs(finishedAt),
    ...(message === "" ? {} : { message }),
  };
}
