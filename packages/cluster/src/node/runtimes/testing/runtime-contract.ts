/**
 * What every runtime that runs programs must do, as tests: docker and containerd pass the same. They use a busybox
 * image and nothing of the machine but what the runtime was given.
 */
import { describe } from "vitest";
import { isolationContract } from "./isolation-contract.ts";
import { lifeCycleContract } from "./life-cycle-contract.ts";
import { type RuntimeUnderTest, useRuntime } from "./runtime-fixture.ts";
import { streamsContract } from "./streams-contract.ts";

export function runtimeContract(name: string, start: () => Promise<RuntimeUnderTest>): void {
  describe(`a runtime: ${name}`, { timeout: 60_000 }, () => {
    const fixture = useRuntime(start);
    isolationContract(fixture);
    lifeCycleContract(fixture);
    streamsContract(fixture);
  });
}
