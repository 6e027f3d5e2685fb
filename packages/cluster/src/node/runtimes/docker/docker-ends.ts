import {
  type ContainerInspection,
  type DockerClient,
  type DockerEvent,
  type EventWatch,
  inspectContainer,
  isNotFound,
  listContainers,
  watchEvents,
} from "@podwright/docker";
import type { ContainerExit, RuntimeEvents } from "../../runtime.ts";
import { ContainerEnds, goneExit } from "../container-ends.ts";

interface TrackedExec {
  exitCode?: number;
  /** Of who waits for it. */
  waiting?: PromiseWithResolvers<number>;
}

export interface DockerEndsOptions {
  docker: DockerClient;
  /** The filters for the node's containers. */
  labels: readonly string[];
  events: RuntimeEvents;
}

/** The ends of a node's containers, and of commands in them, as docker's events tell them. */
export class DockerEnds extends ContainerEnds {
  readonly #docker: DockerClient;
  /** By their ids. */
  readonly #execs = new Map<string, TrackedExec>();
  /** What the daemon's events said, until it was asked for more. */
  readonly #seen = new Map<string, ContainerExit>();
  readonly #watch: EventWatch;

  constructor({ docker, labels, events }: DockerEndsOptions) {
    super(events);
    this.#docker = docker;
    this.#watch = watchEvents({
      docker,
      filters: { type: ["container"], label: labels, event: ["die", "exec_die"] },
      onEvent: (event) => this.#onEvent(event),
      onConnected: async () => {
        const containers = await listContainers(docker, labels);
        await this.catchUp(new Set(containers.filter(({ State }) => alive.has(State)).map(({ Id }) => Id)));
      },
      onLost: (error) => {
        for (const exec of this.#execs.values()) exec.waiting?.reject(error);
        this.lost(error.message);
      },
    });
  }

  override get connected(): Promise<void> {
    return this.#watch.connected;
  }

  /** From now on its end is noticed. Call before it can have ended, and {@link forgetExec} after. */
  trackExec(execId: string): void {
    this.#execs.set(execId, {});
  }

  /** Undefined while it runs, and when the daemon's word was lost. */
  execExitCode(execId: string): number | undefined {
    return this.#execs.get(execId)?.exitCode;
  }

  /** The exit code of a tracked exec that has not yet ended. Rejects when the daemon or the container goes away. */
  execEnded(execId: string): Promise<number> {
    const waiting = Promise.withResolvers<number>();
    waiting.promise.catch(() => {});
    this.#execs.set(execId, { waiting });
    return waiting.promise;
  }

  forgetExec(execId: string): void {
    this.#execs.delete(execId);
  }

  async close(): Promise<void> {
    await this.#watch.close();
    this.forgetAll();
  }

  #onEvent({ Action, Actor, timeNano }: DockerEvent): void {
    const { ID, Attributes } = Actor;
    const exitCode = Number(Attributes["exitCode"] ?? 0);
    if (Action === "exec_die") {
      const exec = this.#execs.get(Attributes["execID"] ?? "");
      if (exec === undefined) return;
      exec.exitCode = exitCode;
      exec.waiting?.resolve(exitCode);
      return;
    }
    this.#seen.set(ID, { exitCode, reason: reasonOf(exitCode), finishedAtMs: Math.trunc(timeNano / 1e6) });
    this.sawEnd(ID);
    // It was taken if anybody wants it.
    this.#seen.delete(ID);
  }

  /** The daemon knows more than its event says. */
  protected override async exitOf(id: string): Promise<ContainerExit | undefined> {
    const seen = this.#seen.get(id) ?? goneExit();
    try {
      return exitOf(await inspectContainer(this.#docker, id)) ?? seen;
    } catch (error) {
      // Lost with the daemon: looked at again when it is back.
      return isNotFound(error) ? seen : undefined;
    }
  }
}

const alive = new Set(["running", "paused", "restarting"]);

function reasonOf(exitCode: number): string {
  return exitCode === 0 ? "Completed" : "Error";
}

/** How a container has ended; undefined while it runs. */
export function exitOf({ State }: ContainerInspection): ContainerExit | undefined {
  if (State.Running || State.Status === "created") return undefined;
  return {
    exitCode: State.ExitCode,
    reason: State.OOMKilled ? "OOMKilled" : reasonOf(State.ExitCode),
    finishedAtMs: Date.parse(State.FinishedAt),
    ...(State.Error === "" ? {} : { message: State.Error }),
  };
}
