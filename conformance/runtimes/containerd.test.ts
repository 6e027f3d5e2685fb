import { randomBytes } from "node:crypto";
import { systemClock } from "@podwright/clock";
import { openRuntimeMachines, runtimeContract } from "@podwright/cluster/runtime-contract";
import { describe, test } from "vitest";
import { startContainerd } from "../machine/containerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("containerd", "ctr", "runc", "ip", "nsenter", "iptables");

async function start() {
  const folder = await shortFolder("pwr-");
  const containerd = await startContainerd({ folder });
  await containerd.load({ name: "docker.io/library/busybox:1.36" });
  const machines = await openRuntimeMachines({
    runtime: "containerd",
    clusterId: randomBytes(6).toString("hex"),
    temporary: true,
    env: { CONTAINERD_ADDRESS: containerd.socket },
    clock: systemClock,
  });
  return {
    machine: machines.main,
    image: "busybox:1.36",
    folder,
    async loseSandbox(uid: string) {
      const containers = await containerd.ctr("containers", "ls", `labels."io.kubernetes.pod.uid"==${uid}`);
      const sandbox = containers.split("\n").find((line) => line.includes("pause"));
      await containerd.ctr("tasks", "kill", "-s", "SIGKILL", sandbox?.split(" ")[0] ?? "");
    },
    async stop() {
      await machines.close();
      await containerd.stop();
      await removeFolder(folder);
    },
  };
}

if (missing === undefined) runtimeContract("containerd", start);
else describe("containerd", () => test.skip(missing, () => {}));
