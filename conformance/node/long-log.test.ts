/** A log of more than a gigabyte, for `podwright up` in a process of its own, whose memory is looked at. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { pods } from "@podwright/client";
import { until } from "@podwright/cluster/testing";
import { afterEach, describe, expect, test } from "vitest";
import { kubectlProgram, kubectlRunner } from "../kubectl.ts";
import { clientOf } from "../lane.ts";
import { startContainerd } from "../machine/containerd.ts";
import { startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { podwrightDown, startPodwright } from "../machine/podwright.ts";
import { missingFor } from "../machine/programs.ts";
import { container, first } from "./scene.ts";

const missing = missingFor("dockerd", "docker", "containerd", "ctr", "runc", "iptables");
const why = missing === undefined ? "" : ` (${missing})`;
const run = promisify(execFile);

/** Just above a GiB. */
const lineBytes = 10_000;
const lines = 107_500;
const script = `yes $(head -c ${lineBytes - 1} /dev/zero | tr '\\0' x) | head -c ${lines * lineBytes}; echo the end`;

describe.skipIf(missing !== undefined)(`A log of more than a gigabyte${why}`, { timeout: 240_000 }, () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  }, 90_000);

  test.each(["docker", "containerd"] as const)("on %s: it is read without being held", async (runtime) => {
    const folder = await shortFolder("pwg-");
    undo.push(() => removeFolder(folder));
    const network = { bridge: "pwt-long", subnet: "10.118.0.0/24" };
    const daemon = await (runtime === "docker" ? startDockerd({ folder }) : startContainerd({ folder, network }));
    if (runtime === "containerd") undo.push(() => run("ip", ["link", "del", network.bridge]).catch(() => {}));
    undo.push(() => daemon.stop());
    await daemon.load({ name: "docker.io/library/busybox:1.36" });
    const dataDir = join(folder, "pw");
    const env = { DOCKER_HOST: `unix://${daemon.socket}`, CONTAINERD_ADDRESS: daemon.socket };
    const podwright = await startPodwright({ dataDir, runtime, env });
    undo.push(() => podwrightDown(dataDir, env));
    undo.push(() => podwright.end("SIGTERM"));
    const client = clientOf(podwright.kubeconfig);
    undo.push(() => client.close());

    const before = await podwright.residentMb();
    let most = before;
    const looking = setInterval(async () => {
      most = Math.max(most, await podwright.residentMb().catch(() => 0));
    }, 100);
    undo.push(async () => clearInterval(looking));
    await client.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "talks", namespace: "default" },
      spec: { restartPolicy: "Never", containers: [container({ command: ["sh", "-c", script] })] },
    });
    const begun = (state: { terminated?: object; running?: object } = {}) => !!state.terminated || !!state.running;
    await until(client, pods, "talks", (pod) => begun(first(pod)?.state), "default", 60);
    const command = `${await kubectlProgram()} --kubeconfig ${podwright.kubeconfig} logs -f talks | tee >(wc -c >&2) | tail -n 1`;
    const { stdout, stderr } = await run("bash", ["-c", command]);
    expect(stdout).toBe("the end\n");
    // Of docker who reads slower than it is written misses some: it keeps the last 50 MB.
    const all = lines * lineBytes + "the end\n".length;
    if (runtime === "docker") expect(Number(stderr)).toBeGreaterThan(all / 100);
    else expect(Number(stderr)).toBe(all);
    expect(Number(stderr)).toBeLessThanOrEqual(all);
    expect(most - before).toBeLessThan(200);
    if (runtime === "docker") {
      const { stdout: kept } = await run("du", ["-sm", join(folder, "data", "containers")]);
      expect(Number.parseInt(kept, 10)).toBeLessThan(100);
    }
    const kubectl = await kubectlRunner(podwright.kubeconfig);
    const tail = await kubectl(["logs", "talks", "--tail", "2"]);
    expect(tail.stdout).toBe(`${"x".repeat(lineBytes - 1)}\nthe end\n`);
  });
});
