import type { Clock } from "@podwright/client";
import type { RuntimeMachine } from "../runtime-machine.ts";
import { SimulatedRuntime } from "./runtime.ts";

/** No machine at all: it takes any number of pods, which have addresses of their nodes' ranges. */
export function simulatedMachine({ clock, startDelayMs = 0 }: { clock: Clock; startDelayMs?: number }): RuntimeMachine {
  return {
    name: "simulated",
    version: "0.1.0",
    capacity: undefined,
    podNetwork: undefined,
    runtime: (_node, podCidr, events) => new SimulatedRuntime({ clock, events, podCidr, startDelayMs }),
    close: async () => {},
  };
}
