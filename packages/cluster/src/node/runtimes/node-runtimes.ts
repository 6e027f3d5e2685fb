import type { Pod } from "../../kinds.ts";
import type { ContainerRuntime, RuntimeEvents } from "../runtime.ts";
import type { RuntimeName } from "./runtime-machine.ts";
import { type RuntimeMachines, runtimeAnnotation, wantedRuntime } from "./runtime-machines.ts";

export interface NodeRuntimesOptions {
  machines: RuntimeMachines;
  node: string;
  podCidr: string;
  events: RuntimeEvents;
  /** The annotations of a namespace. */
  namespaceAnnotations(namespace: string): Readonly<Record<string, string>> | undefined;
}

/** A pod asks for a runtime that is not there. */
export class RuntimeMissingError extends Error {
  override name = "RuntimeMissingError";
}

/** The runtimes of one node: the machine's main one, and others once a pod has asked for them. */
export class NodeRuntimes {
  readonly main: ContainerRuntime;
  readonly #options: NodeRuntimesOptions;
  readonly #made = new Map<RuntimeName, ContainerRuntime>();

  constructor(options: NodeRuntimesOptions) {
    this.#options = options;
    const { main } = options.machines;
    this.main = main.runtime(options.node, options.podCidr, options.events);
    this.#made.set(main.name, this.main);
  }

  /**
   * What is to run the pod: by its annotation, else its namespace's, else the main one. At once when it is made
   * already. Rejects with a {@link RuntimeMissingError} when it cannot be had.
   */
  of({ metadata }: Pod): ContainerRuntime | Promise<ContainerRuntime> {
    const { namespaceAnnotations, machines } = this.#options;
    const wanted = wantedRuntime(metadata.annotations) ?? wantedRuntime(namespaceAnnotations(metadata.namespace ?? ""));
    if (wanted === undefined) return this.main;
    if (wanted === "") {
      const message = `annotation ${runtimeAnnotation}: there is simulated, docker and containerd`;
      return Promise.reject(new RuntimeMissingError(message));
    }
    return this.#made.get(wanted) ?? this.#make(wanted, machines);
  }

  async #make(name: RuntimeName, machines: RuntimeMachines): Promise<ContainerRuntime> {
    const machine = await machines.get(name).catch((error: unknown) => {
      throw new RuntimeMissingError(`runtime ${name}: ${(error as Error).message}`, { cause: error });
    });
    let runtime = this.#made.get(name);
    if (runtime === undefined) {
      runtime = machine.runtime(this.#options.node, this.#options.podCidr, this.#options.events);
      this.#made.set(name, runtime);
    }
    return runtime;
  }

  /** Those that were made. */
  all(): ContainerRuntime[] {
    return [...this.#made.values()];
  }

  async close(): Promise<void> {
    await Promise.all(this.all().map((runtime) => runtime.close()));
  }
}
