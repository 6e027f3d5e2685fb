/** A whole cluster on containerd, with a network of its own: what is found again, and what is left. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startContainerd } from "../machine/containerd.ts";
import { missingFor } from "../machine/programs.ts";
import { podOf, podsOf, ready, stoppedInGrace, useClusterScene, waiting } from "./cluster-scene.ts";

const missing = missingFor("containerd", "ctr", "runc", "ip", "nsenter", "iptables");

describe.skipIf(missing !== undefined)(
  `a cluster on containerd${missing ? `: ${missing}` : ""}`,
  { timeout: 90_000 },
  () => {
    const scene = useClusterScene({
      startDaemon: startContainerd,
      env: ({ socket }, folder) => ({ CONTAINERD_ADDRESS: socket, DOCKER_HOST: `unix://${folder}/none.sock` }),
      cluster: () => ({ runtime: "containerd" }),
    });
    beforeAll(() => {
      vi.stubEnv("CONTAINERD_ADDRESS", scene.daemon.socket);
    });
    afterAll(() => {
      vi.unstubAllEnvs();
    });
    const ctr = (...args: string[]) => scene.daemon.ctr(...args);
    const running = async () => (await ctr("tasks", "ls", "-q")).split("\n").filter(Boolean);
    const taskOf = async (name: string) => {
      const filter = `labels."io.kubernetes.pod.name"==${name},labels."podwright.dev/type"==container`;
      return (await ctr("containers", "ls", "-q", filter)).split("\n").filter(Boolean);
    };
    const networks = () => readdir(join(scene.folder, "cni"));

    test("stops without waiting for a static pod that is in its grace period, and nothing fails afterwards", async () => {
      const preStop = { exec: { command: ["sleep", "600"] } };
      for (const lifecycle of [{}, { preStop }]) expect(await stoppedInGrace(scene, lifecycle)).toEqual([]);
      expect(await running()).toEqual([]);
    });

    test("in memory, nothing is left of it", async () => {
      const of = await scene.start();
      expect(of.runtime.name).toBe("containerd");
      await podsOf(of).create(podOf("p"));
      const pod = await ready(of, "p");
      expect(pod.status?.containerStatuses?.[0]?.containerID).toMatch(/^containerd:\/\/[0-9a-f]{64}$/);
      const [network = ""] = await networks();
      const bridge = `pwt-${network.slice("10-podwright-".length).slice(0, 8)}`;
      const links = async () => (await promisify(execFile)("ip", ["-br", "link"])).stdout;
      expect(await links()).toContain(bridge);
      await of.stop();
      expect(await running()).toEqual([]);
      expect(await networks()).toEqual([]);
      expect(await links()).not.toContain(bridge);
    });

    test("its pods live on over a restart, and go with podwright down", async () => {
      let of = await scene.startKept();
      for (const name of ["stays", "ends"]) await podsOf(of).create(podOf(name));
      const was = await ready(of, "stays");
      await ready(of, "ends");
      await of.stop();
      expect(await running()).toHaveLength(4);
      const [ends = ""] = await taskOf("ends");
      await ctr("tasks", "kill", "-s", "SIGKILL", ends);
      of = await scene.startKept();
      expect(await ready(of, "stays")).toMatchObject({
        status: { containerStatuses: was.status?.containerStatuses, podIP: was.status?.podIP },
      });
      await ready(of, "ends", 1);
      await of.stop();
      const removed = await scene.removeKept();
      expect(removed).toMatchObject({ networks: 1, docker: false, containerd: true });
      expect(removed.containers).toBeGreaterThanOrEqual(4);
      expect(await running()).toEqual([]);
      expect(await networks()).toEqual([]);
    });

    test("what a killed cluster in memory has left goes with the next start", async () => {
      const up = scene.podwright("up", "--memory", "--port", "0", "--runtime", "containerd");
      await vi.waitFor(() => expect(up.output()).toMatch(/Pods run in containerd/), waiting);
      const [left] = await networks();
      expect(left).toMatch(/^10-podwright-/);
      up.kill("SIGKILL");
      await up.ended;
      await scene.start();
      expect(await networks()).not.toContain(left);
      expect(await networks()).toHaveLength(1);
    });

    test("a container killed, and a sandbox lost, behind its back", async () => {
      const of = await scene.start();
      await podsOf(of).create(podOf("p"));
      await ready(of, "p");
      const [container = ""] = await taskOf("p");
      await ctr("tasks", "kill", "-s", "SIGKILL", container);
      await ready(of, "p", 1);
      const sandboxes = 'labels."podwright.dev/type"==sandbox';
      const [sandbox = ""] = (await ctr("containers", "ls", "-q", sandboxes)).split("\n");
      await ctr("tasks", "kill", "-s", "SIGKILL", sandbox);
      await ready(of, "p", 2);
    });
  },
);
