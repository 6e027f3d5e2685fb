import type { Container } from "../kinds.ts";
import type { ContainerRecord } from "./container-record.ts";
import { ContainerProbes, type ProbeListener } from "./probes/container-probes.ts";
import type { ProbedContainer } from "./probes/run-probe.ts";

export interface ContainerWatchOptions {
  event(type: "Normal" | "Warning", reason: string, message: string, record: ContainerRecord): void;
  /** Something happened: look at the pod again. */
  changed(): void;
  /** There is something new to say of it, and nothing to do. */
  tell(): void;
  /** A probe says that the container is to be ended. */
  unhealthy(record: ContainerRecord, container: Container, kind: Parameters<ProbeListener["failed"]>[0]): void;
}

/** Watches over the containers of a pod that run: notes in their records whether they have started and are ready. */
export class ContainerWatch {
  readonly #options: ContainerWatchOptions;
  readonly #probes = new Map<ContainerRecord, ContainerProbes>();

  constructor(options: ContainerWatchOptions) {
    this.#options = options;
  }

  /** @param before of a container that an agent before this one started: what it had come to. */
  begin(
    record: ContainerRecord,
    target: ProbedContainer & { startedAtMs: number },
    before = { started: false, ready: false },
  ): void {
    if (record.role === "ephemeral") return;
    const { startupProbe, readinessProbe, livenessProbe } = target.container;
    const { started, ready } = before;
    record.started = started || startupProbe === undefined;
    record.ready = record.role !== "init" && record.started && (ready || readinessProbe === undefined);
    if (startupProbe === undefined && readinessProbe === undefined && livenessProbe === undefined) return;
    const probes = new ContainerProbes(target, target.startedAtMs, {
      started: () => {
        record.started = true;
        record.ready = readinessProbe === undefined;
        this.#options.changed();
      },
      ready: (isReady) => {
        if (record.ready === isReady) return;
        record.ready = isReady;
        this.#options.tell();
      },
      failed: (kind) => this.#options.unhealthy(record, target.container, kind),
      event: (type, reason, message) => this.#options.event(type, reason, message, record),
    });
    this.#probes.set(record, probes);
    probes.start(started);
  }

  /** The container is being ended: only its readiness is still of interest. */
  quiet(record: ContainerRecord): void {
    this.#probes.get(record)?.quiet();
  }

  end(record: ContainerRecord): void {
    this.#probes.get(record)?.stop();
    this.#probes.delete(record);
  }

  close(): void {
    for (const probes of this.#probes.values()) probes.stop();
    this.#probes.clear();
  }
}
