import type { ContainerExit, RuntimeEvents } from "../runtime.ts";

interface Tracked {
  told: PromiseWithResolvers<void>;
  /** Not told while somebody has yet to learn the id. */
  held: boolean;
  exit?: ContainerExit;
}

/**
 * Knows which containers run and tells how they end, each once: from the daemon's events, and by looking when its
 * events were lost. How a daemon is asked is up to its own class.
 */
export abstract class ContainerEnds {
  protected readonly events: RuntimeEvents;
  readonly #tracked = new Map<string, Tracked>();
  /** Pods' uids by the ids of their sandboxes. */
  readonly #sandboxes = new Map<string, string>();
  #problem: string | undefined;

  constructor(events: RuntimeEvents) {
    this.events = events;
  }

  /** The daemon's events are followed. Rejects when it is closed before. */
  abstract get connected(): Promise<void>;

  /** How the container has ended, as the daemon has it; undefined when the daemon cannot be asked. */
  protected abstract exitOf(id: string): Promise<ContainerExit | undefined>;

  /** From now on its end is noticed, and told after {@link release}. Call before it can have ended. */
  track(id: string): void {
    this.#tracked.set(id, { told: Promise.withResolvers(), held: true });
  }

  /** Whoever is told knows the id now. */
  release(id: string): void {
    const tracked = this.#tracked.get(id);
    if (tracked === undefined) return;
    tracked.held = false;
    if (tracked.exit !== undefined) this.#tell(id, tracked, tracked.exit);
  }

  forget(id: string): void {
    this.#tracked.get(id)?.told.resolve();
    this.#tracked.delete(id);
  }

  /** Resolves when the end of the container was told; at once when it is not tracked. */
  async ended(id: string): Promise<void> {
    await this.#tracked.get(id)?.told.promise;
  }

  /** The end of a sandbox is told as a loss, until it is forgotten. */
  trackSandbox(id: string, podUid: string): void {
    this.#sandboxes.set(id, podUid);
  }

  forgetSandbox(id: string): void {
    this.#sandboxes.delete(id);
  }

  /** Whether its end is still to be told. */
  protected isTracked(id: string): boolean {
    return this.#tracked.has(id);
  }

  /** An event says that this one has ended. What nobody tracks is of no interest. */
  protected sawEnd(id: string): void {
    if (this.#sandboxes.has(id)) this.#sandboxEnded(id);
    else if (this.#tracked.has(id)) void this.#lookAt(id);
  }

  /** The daemon is reached no more. */
  protected lost(problem: string): void {
    if (this.#problem === undefined) this.events.health?.(problem);
    this.#problem = problem;
  }

  /** The daemon is reached again: tells what has ended while nobody listened. */
  protected async catchUp(running: ReadonlySet<string>): Promise<void> {
    for (const id of [...this.#sandboxes.keys()]) if (!running.has(id)) this.#sandboxEnded(id);
    const ended = [...this.#tracked].filter(([id, { held }]) => !held && !running.has(id));
    await Promise.all(ended.map(([id]) => this.#lookAt(id)));
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.events.health?.(undefined);
  }

  /** Nobody is told any more. */
  protected forgetAll(): void {
    for (const tracked of this.#tracked.values()) tracked.told.resolve();
    this.#tracked.clear();
  }

  #sandboxEnded(id: string): void {
    const podUid = this.#sandboxes.get(id);
    if (!this.#sandboxes.delete(id) || podUid === undefined) return;
    this.events.sandboxLost?.(podUid);
  }

  async #lookAt(id: string): Promise<void> {
    const exit = await this.exitOf(id);
    const tracked = this.#tracked.get(id);
    if (tracked === undefined || tracked.exit !== undefined || exit === undefined) return;
    tracked.exit = exit;
    if (!tracked.held) this.#tell(id, tracked, exit);
  }

  #tell(id: string, tracked: Tracked, exit: ContainerExit): void {
    this.#tracked.delete(id);
    this.events.exited(id, exit);
    tracked.told.resolve();
  }
}

/** As the kubelet words a container that somebody has removed. */
export function goneExit(): ContainerExit {
  return {
    exitCode: 137,
    reason: "ContainerStatusUnknown",
    message: "The container could not be located when the pod was terminated",
    finishedAtMs: Date.now(),
  };
}
