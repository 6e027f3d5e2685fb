import { runtimeContract } from "@podwright/cluster/runtime-contract";
import { describe, test } from "vitest";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { missingFor } from "../machine/programs.ts";
import { startUnderTest } from "./under-test.ts";

const missing = missingFor("dockerd", "docker", "ip", "nsenter");

async function loseSandbox({ docker }: Dockerd, podUid: string): Promise<void> {
  const filters = [`--filter=label=io.kubernetes.pod.uid=${podUid}`, "--filter=label=podwright.dev/type=sandbox"];
  await docker("kill", (await docker("ps", "-q", ...filters)).trim());
}

const start = (directNetwork: boolean) =>
  startUnderTest({
    runtime: "docker",
    startDaemon: startDockerd,
    env: ({ socket }) => ({ DOCKER_HOST: `unix://${socket}` }),
    directNetwork,
    loseSandbox,
  });

if (missing === undefined) {
  runtimeContract("docker", () => start(true));
  runtimeContract("docker with docker's own network", () => start(false));
} else {
  describe("docker", () => test.skip(missing, () => {}));
}
