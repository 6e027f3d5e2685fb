import { randomBytes } from "node:crypto";
import { systemClock } from "@podwright/clock";
import type { RuntimeName } from "@podwright/cluster";
import { openRuntimeMachines, type RuntimeUnderTest } from "@podwright/cluster/runtime-contract";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import type { BusyboxDaemon } from "./cluster-scene.ts";

/** How a runtime is had for {@link runtimeContract}. */
export interface UnderTestOptions<D> {
  runtime: RuntimeName;
  startDaemon(options: { folder: string }): Promise<D>;
  /** What tells podwright where the daemon is. */
  env(daemon: D): Record<string, string>;
  directNetwork?: boolean;
  loseSandbox(daemon: D, podUid: string): Promise<void>;
}

/** A runtime on a daemon of its own. The cluster's name and network are its own too: others may run beside it. */
export async function startUnderTest<D extends BusyboxDaemon>(options: UnderTestOptions<D>): Promise<RuntimeUnderTest> {
  const { runtime, directNetwork } = options;
  const folder = await shortFolder("pwr-");
  const daemon = await options.startDaemon({ folder });
  await daemon.load({ name: "docker.io/library/busybox:1.36" });
  const machines = await openRuntimeMachines({
    runtime,
    clusterId: randomBytes(6).toString("hex"),
    temporary: true,
    ...(directNetwork === undefined ? {} : { directNetwork }),
    env: options.env(daemon),
    clock: systemClock,
  });
  return {
    machine: machines.main,
    image: "busybox:1.36",
    folder,
    loseSandbox: (podUid) => options.loseSandbox(daemon, podUid),
    async stop() {
      await machines.close();
      await daemon.stop();
      await removeFolder(folder);
    },
  };
}
