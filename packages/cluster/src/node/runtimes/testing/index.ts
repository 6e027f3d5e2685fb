/** For tests of runtimes that need daemons: they are in conformance/runtimes. */
export { openRuntimeMachines } from "../runtime-machines.ts";
export { runtimeContract } from "./runtime-contract.ts";
export type { RuntimeUnderTest } from "./runtime-fixture.ts";
