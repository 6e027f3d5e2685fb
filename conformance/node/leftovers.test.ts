/** What pods leave on a machine: nothing, when they or their cluster are taken away; all, when it only stops. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { configMaps, pods } from "@podwright/client";
import { type Cluster, removeFromMachine, startCluster } from "@podwright/cluster";
import { until, untilGone } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("dockerd", "docker", "iptables-restore");
const patience = { timeout: 30_000, interval: 200 };

describe.skipIf(missing !== undefined)(
  `Volumes over restarts${missing === undefined ? "" : ` (${missing})`}`,
  { timeout: 120_000 },
  () => {
    let folder: string;
    let dockerd: Dockerd;
    let cluster: Cluster | undefined;

    beforeAll(async () => {
      folder = await shortFolder("pwv-");
      dockerd = await startDockerd({ folder });
      await dockerd.load({ name: "docker.io/library/busybox:1.36" });
    });
    afterAll(async () => {
      await cluster?.stop();
      if (dockerd !== undefined) await takeAway();
      await dockerd?.stop();
      await removeFolder(folder);
    });

    const dataDir = (): string => join(folder, "cluster");
    const dockerHost = (): string => `unix://${dockerd.socket}`;
    const start = async (): Promise<Cluster> => {
      cluster = await startCluster({
        dataDir: dataDir(),
        runtime: "docker",
        podCidr: "10.106.0.0/24",
        dockerHost: dockerHost(),
      });
      return cluster;
    };

    const takeAway = () =>
      removeFromMachine({ dataDir: dataDir(), env: { ...process.env, DOCKER_HOST: dockerHost() } });

    const makePod = ({ client }: Cluster, name: string): Promise<KubeObject> =>
      client.resource(pods).create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default" },
        spec: {
          terminationGracePeriodSeconds: 0,
          volumes: [
            { name: "cfg", configMap: { name: "cfg" } },
            { name: "mem", emptyDir: { medium: "Memory" } },
          ],
          containers: [
            {
              name: "c",
              image: "busybox:1.36",
              imagePullPolicy: "IfNotPresent",
              command: ["sh", "-c", "echo kept > /mem/f; exec sleep 600"],
              volumeMounts: [
                { name: "cfg", mountPath: "/cfg" },
                { name: "mem", mountPath: "/mem" },
                { name: "mem", mountPath: "/part", subPath: "part" },
              ],
            },
          ],
        },
      });
    const isRunning = ({ client }: Cluster, name: string) =>
      until(client, pods, name, ({ status }) => status?.phase === "Running", "default", 60);

    async function inPod(name: string, command: string): Promise<string> {
      const labels = [`io.kubernetes.pod.name=${name}`, "io.kubernetes.container.name=c"];
      const id = await dockerd.docker("ps", "-q", ...labels.flatMap((label) => ["--filter", `label=${label}`]));
      return dockerd.docker("exec", id.trim(), "sh", "-c", command);
    }
    /** Of this data directory, on the machine. */
    const mounts = async (): Promise<string[]> =>
      (await readFile("/proc/self/mounts", "utf8")).split("\n").filter((line) => line.includes(` ${dataDir()}/`));
    const folders = (): Promise<string[]> => readdir(join(dataDir(), "node", "node-1", "pods"));

    test("a pod that is deleted takes its folder and its mounts along", async () => {
      const running = await start();
      const cfg = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "cfg", namespace: "default" } };
      await running.client.resource(configMaps).create({ ...cfg, data: { k: "1" } });
      await makePod(running, "brief");
      await isRunning(running, "brief");
      expect(await mounts()).toHaveLength(2);
      expect(await folders()).toHaveLength(1);
      await running.client.resource(pods).delete("brief", "default");
      await untilGone(running.client, pods, "brief");
      await vi.waitFor(async () => expect(await folders()).toEqual([]), patience);
      expect(await mounts()).toEqual([]);
    });

    test("a pod lives on while its cluster is stopped, and its files are followed again after", async () => {
      const before = cluster as Cluster;
      await makePod(before, "lasting");
      await isRunning(before, "lasting");
      await before.stop();
      expect(await inPod("lasting", "cat /cfg/k /mem/f")).toBe("1kept\n");

      const after = await start();
      await isRunning(after, "lasting");
      await after.client.resource(configMaps).patch("cfg", "default", { data: { k: "2" } }, { type: "merge" });
      await vi.waitFor(async () => expect(await inPod("lasting", "cat /cfg/k /mem/f")).toBe("2kept\n"), patience);
      const [pod] = (await after.client.resource(pods).list({ namespace: "default" })).items;
      expect(pod?.["status"].containerStatuses[0].restartCount).toBe(0);
    });

    test("down takes away mounts and folders of pods, and leaves the cluster's objects", async () => {
      await cluster?.stop();
      cluster = undefined;
      expect(await mounts()).toHaveLength(2);
      await takeAway();
      expect(await mounts()).toEqual([]);
      await expect(stat(join(dataDir(), "node"))).rejects.toThrow("ENOENT");
      expect(await dockerd.docker("ps", "-aq")).toBe("");
      const again = await start();
      await vi.waitFor(async () => expect(await inPod("lasting", "cat /cfg/k /mem/f")).toBe("2kept\n"), patience);
      await again.client.resource(pods).delete("lasting", "default");
      await untilGone(again.client, pods, "lasting");
      await vi.waitFor(async () => expect(await dockerd.docker("ps", "-aq")).toBe(""), patience);
    });
  },
);
