import { randomBytes } from "node:crypto";
import { systemClock } from "@podwright/clock";
import { openRuntimeMachines, runtimeContract } from "@podwright/cluster/runtime-contract";
import { describe, test } from "vitest";
import { startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("dockerd", "docker", "ip", "nsenter");

/** A cluster's name and network are its own: others may run the same beside it. */
async function start(directNetwork: boolean) {
  const folder = await shortFolder("pwr-");
  const dockerd = await startDockerd({ folder });
  await dockerd.load({ name: "docker.io/library/busybox:1.36" });
  const machines = await openRuntimeMachines({
    runtime: "docker",
    clusterId: randomBytes(6).toString("hex"),
    temporary: true,
    directNetwork,
    env: { DOCKER_HOST: `unix://${dockerd.socket}` },
    clock: systemClock,
  });
  return {
    machine: machines.main,
    image: "busybox:1.36",
    folder,
    async loseSandbox(uid: string) {
      const filters = [`--filter=label=io.kubernetes.pod.uid=${uid}`, "--filter=label=podwright.dev/type=sandbox"];
      await dockerd.docker("kill", (await dockerd.docker("ps", "-q", ...filters)).trim());
    },
    async stop() {
      await machines.close();
      await dockerd.stop();
      await removeFolder(folder);
    },
  };
}

if (missing === undefined) {
  runtimeContract("docker", () => start(true));
  runtimeContract("docker with docker's own network", () => start(false));
} else {
  describe("docker", () => test.skip(missing, () => {}));
}
