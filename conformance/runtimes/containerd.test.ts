import { runtimeContract } from "@podwright/cluster/runtime-contract";
import { describe, test } from "vitest";
import { type Containerd, startContainerd } from "../machine/containerd.ts";
import { missingFor } from "../machine/programs.ts";
import { startUnderTest } from "./under-test.ts";

const missing = missingFor("containerd", "ctr", "runc", "ip", "nsenter", "iptables");

async function loseSandbox({ ctr }: Containerd, podUid: string): Promise<void> {
  const containers = await ctr("containers", "ls", `labels."io.kubernetes.pod.uid"==${podUid}`);
  const sandbox = containers.split("\n").find((line) => line.includes("pause"));
  await ctr("tasks", "kill", "-s", "SIGKILL", sandbox?.split(" ")[0] ?? "");
}

const start = () =>
  startUnderTest({
    runtime: "containerd",
    startDaemon: startContainerd,
    env: ({ socket }) => ({ CONTAINERD_ADDRESS: socket }),
    loseSandbox,
  });

if (missing === undefined) runtimeContract("containerd", start);
else describe("containerd", () => test.skip(missing, () => {}));
