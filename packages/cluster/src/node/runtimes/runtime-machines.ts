import type { Clock } from "@podwright/client";
import { type RuntimeMachine, type RuntimeName, runtimeNames } from "./runtime-machine.ts";
import { simulatedMachine } from "./simulated/machine.ts";

export interface RuntimeMachinesOptions {
  /** What runs the pods that ask for nothing else; "auto": docker if it answers, else containerd, else simulated. */
  runtime: RuntimeName | "auto";
  /** Names what belongs to the cluster outside of its process: see clusterId. */
  clusterId: string;
  /** The cluster is in memory: nothing of it is to stay when it ends. */
  temporary: boolean;
  /** Of the pods' network. Default: a range that is free. */
  podCidr?: string;
  /** False: pods get their addresses from docker even where there is a quicker way. */
  directNetwork?: boolean;
  /** DOCKER_HOST and the like. Default: the process's. */
  env?: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** Of simulated pods, from their arrival to the start of their first container. */
  startDelayMs?: number;
}

/** The runtimes of this machine that a cluster uses: one for most pods, others when a pod asks for them. */
export class RuntimeMachines {
  readonly main: RuntimeMachine;
  readonly #options: RuntimeMachinesOptions;
  readonly #opened = new Map<RuntimeName, Promise<RuntimeMachine>>();
  readonly #real: RuntimeMachine[] = [];

  /** See {@link openRuntimeMachines}. */
  constructor(main: RuntimeMachine, options: RuntimeMachinesOptions) {
    this.main = main;
    this.#options = options;
    this.#opened.set(main.name, Promise.resolve(main));
    this.#keep(main);
  }

  /** The runtime of that name, made ready at the first call. Throws when it cannot be. */
  get(name: RuntimeName): Promise<RuntimeMachine> {
    let machine = this.#opened.get(name);
    if (machine === undefined) {
      machine = openMachine(name, this.#options);
      this.#opened.set(name, machine);
      machine.then(
        (opened) => this.#keep(opened),
        () => this.#opened.delete(name),
      );
    }
    return machine;
  }

  /** Those that run programs, of those that are ready. */
  get real(): RuntimeMachine[] {
    return this.#real;
  }

  /** Removes files that containers have made, with the help of what ran them. Throws where there is no help. */
  async removeForeign(path: string): Promise<void> {
    const helper = this.#real.find(({ removeForeign }) => removeForeign !== undefined);
    if (helper === undefined) throw new Error(`${path} may not be removed by this process`);
    await helper.removeForeign?.(path);
  }

  #keep(machine: RuntimeMachine): void {
    if (machine.name !== "simulated") this.#real.push(machine);
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values());
    await Promise.all(opened.map((machine) => machine.status === "fulfilled" && machine.value.close()));
  }
}

/** Makes the main runtime ready. Throws when it was named and is not there. */
export async function openRuntimeMachines(options: RuntimeMachinesOptions): Promise<RuntimeMachines> {
  const name = options.runtime === "auto" ? await chooseRuntime(options.env) : options.runtime;
  return new RuntimeMachines(await openMachine(name, options), options);
}

/** For a cluster that is told nothing of runtimes: nothing outlives its process. */
export function simulatedMachines(clock: Clock, startDelayMs = 0): Promise<RuntimeMachines> {
  return openRuntimeMachines({ runtime: "simulated", clusterId: "", temporary: true, clock, startDelayMs });
}

/** What the machine has: docker if it answers, else containerd, else nothing that runs containers. */
export async function chooseRuntime(env = process.env as RuntimeMachinesOptions["env"]): Promise<RuntimeName> {
  const { dockerThere } = await import("./docker/machine.ts");
  if (await dockerThere(env)) return "docker";
  const { containerdThere } = await import("./containerd/machine.ts");
  return (await containerdThere(env)) ? "containerd" : "simulated";
}

async function openMachine(name: RuntimeName, options: RuntimeMachinesOptions): Promise<RuntimeMachine> {
  switch (name) {
    case "simulated":
      return simulatedMachine(options);
    case "docker":
      return (await import("./docker/machine.ts")).dockerMachine(options);
    case "containerd":
      return (await import("./containerd/machine.ts")).containerdMachine(options);
  }
}

/** The annotation by which a pod, or a namespace for its pods, asks for a runtime. */
export const runtimeAnnotation = "podwright.dev/runtime";

/** Reads {@link runtimeAnnotation}: undefined when it says nothing, "" when it says nothing known. */
export function wantedRuntime(annotations: Readonly<Record<string, string>> | undefined): RuntimeName | "" | undefined {
  const wanted = annotations?.[runtimeAnnotation];
  if (wanted === undefined) return undefined;
  return runtimeNames.find((name) => name === wanted) ?? "";
}
