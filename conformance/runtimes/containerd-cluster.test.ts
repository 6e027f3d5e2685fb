/** A whole cluster on containerd, with a network of its own: what is found again, and what is left. */
import { execFile, spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pods } from "@podwright/client";
import { type Cluster, removeFromMachine, startCluster } from "@podwright/cluster";
import type { KubeObject } from "@podwright/kube";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type Containerd, startContainerd } from "../machine/containerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("containerd", "ctr", "runc", "ip", "nsenter", "iptables");
const waiting = { timeout: 45_000, interval: 50 };
const main = fileURLToPath(new URL("../../packages/cli/bin/main.mjs", import.meta.url));

type PodObject = KubeObject & {
  status?: { podIP?: string; containerStatuses?: { ready: boolean; restartCount: number; containerID?: string }[] };
};

describe.skipIf(missing !== undefined)(
  `a cluster on containerd${missing ? `: ${missing}` : ""}`,
  { timeout: 90_000 },
  () => {
    let folder: string;
    let containerd: Containerd;
    let cluster: Cluster | undefined;
    const before = process.env["CONTAINERD_ADDRESS"];

    beforeAll(async () => {
      folder = await shortFolder("pwk-");
      containerd = await startContainerd({ folder });
      process.env["CONTAINERD_ADDRESS"] = containerd.socket;
      await containerd.load({ name: "docker.io/library/busybox:1.36" });
    }, 60_000);
    afterEach(async () => {
      await cluster?.stop();
      cluster = undefined;
      await removeFromMachine({ dataDir: join(folder, "kept"), env: noDocker() });
    }, 60_000);
    afterAll(async () => {
      if (before === undefined) delete process.env["CONTAINERD_ADDRESS"];
      else process.env["CONTAINERD_ADDRESS"] = before;
      await containerd?.stop();
      if (folder) await removeFolder(folder);
    }, 60_000);

    const noDocker = () => ({ CONTAINERD_ADDRESS: containerd.socket, DOCKER_HOST: `unix://${folder}/none.sock` });

    async function start(dataDir?: string): Promise<Cluster> {
      cluster = await startCluster({
        runtime: "containerd",
        ...(dataDir === undefined ? {} : { dataDir: join(folder, dataDir) }),
      });
      return cluster;
    }

    const podsOf = (of: Cluster) => of.client.resource<PodObject>(pods);
    const create = (of: Cluster, name: string) =>
      podsOf(of).create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default" },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "c", image: "busybox:1.36", command: ["sh", "-c", "sleep 1000"] }],
        },
      } as PodObject);
    const running = async () => (await containerd.ctr("tasks", "ls", "-q")).split("\n").filter(Boolean);
    const taskOf = async (name: string) => {
      const filter = `labels."io.kubernetes.pod.name"==${name},labels."podwright.dev/type"==container`;
      return (await containerd.ctr("containers", "ls", "-q", filter)).split("\n").filter(Boolean);
    };
    const networks = () => readdir(join(folder, "cni"));

    async function ready(of: Cluster, name: string, restarts = 0): Promise<PodObject> {
      return vi.waitFor(async () => {
        const pod = await podsOf(of).get(name, "default");
        expect(pod.status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: restarts });
        return pod;
      }, waiting);
    }

    test("in memory, nothing is left of it", async () => {
      const of = await start();
      expect(of.runtime.name).toBe("containerd");
      await create(of, "p");
      const pod = await ready(of, "p");
      expect(pod.status?.containerStatuses?.[0]?.containerID).toMatch(/^containerd:\/\/[0-9a-f]{64}$/);
      const [network = ""] = await networks();
      const bridge = `pwt-${network.slice("10-podwright-".length).slice(0, 8)}`;
      const links = async () => (await promisify(execFile)("ip", ["-br", "link"])).stdout;
      expect(await links()).toContain(bridge);
      await of.stop();
      cluster = undefined;
      expect(await running()).toEqual([]);
      expect(await networks()).toEqual([]);
      expect(await links()).not.toContain(bridge);
    });

    test("its pods live on over a restart, and go with podwright down", async () => {
      let of = await start("kept");
      for (const name of ["stays", "ends"]) await create(of, name);
      const was = await ready(of, "stays");
      await ready(of, "ends");
      await of.stop();
      expect(await running()).toHaveLength(4);
      const [ends = ""] = await taskOf("ends");
      await containerd.ctr("tasks", "kill", "-s", "SIGKILL", ends);
      of = await start("kept");
      expect(await ready(of, "stays")).toMatchObject({
        status: { containerStatuses: was.status?.containerStatuses, podIP: was.status?.podIP },
      });
      await ready(of, "ends", 1);
      await of.stop();
      cluster = undefined;
      const removed = await removeFromMachine({ dataDir: join(folder, "kept"), env: noDocker() });
      expect(removed).toMatchObject({ networks: 1, docker: false, containerd: true });
      expect(removed.containers).toBeGreaterThanOrEqual(4);
      expect(await running()).toEqual([]);
      expect(await networks()).toEqual([]);
    });

    test("what a killed cluster in memory has left goes with the next start", async () => {
      const env = { ...process.env, CONTAINERD_ADDRESS: containerd.socket };
      const up = spawn(process.execPath, [main, "up", "--memory", "--port", "0", "--runtime", "containerd"], {
        cwd: folder,
        env,
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      up.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      await vi.waitFor(() => expect(output).toMatch(/Pods run in containerd/), waiting);
      const [left] = await networks();
      expect(left).toMatch(/^10-podwright-/);
      up.kill("SIGKILL");
      await new Promise((resolve) => up.once("close", resolve));
      await start();
      expect(await networks()).not.toContain(left);
      expect(await networks()).toHaveLength(1);
    });

    test("a container killed, and a sandbox lost, behind its back", async () => {
      const of = await start();
      await create(of, "p");
      await ready(of, "p");
      const [container = ""] = await taskOf("p");
      await containerd.ctr("tasks", "kill", "-s", "SIGKILL", container);
      await ready(of, "p", 1);
      const sandboxes = 'labels."podwright.dev/type"==sandbox';
      const [sandbox = ""] = (await containerd.ctr("containers", "ls", "-q", sandboxes)).split("\n");
      await containerd.ctr("tasks", "kill", "-s", "SIGKILL", sandbox);
      await ready(of, "p", 2);
    });
  },
);
