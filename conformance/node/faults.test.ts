import { join } from "node:path";
import { nodes, pods } from "@podwright/client";
import { type Cluster, startCluster } from "@podwright/cluster";
import { until, untilGone } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("dockerd", "docker", "runc", "iptables");
// Ends at once when it is asked to: docker waits for it when it is stopped.
const sleeps = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];
const patience = { timeout: 60_000, interval: 300 };

describe.skipIf(missing !== undefined)(`What happens behind a node's back (${missing ?? "docker"})`, () => {
  let folder: string;
  let dockerd: Dockerd;
  let cluster: Cluster;
  const start = () => startCluster({ runtime: "docker", podCidr: "10.112.0.0/24", dataDir: join(folder, "pw") });
  beforeAll(async () => {
    folder = await shortFolder("pwb5-");
    dockerd = await startDockerd({ folder });
    process.env["DOCKER_HOST"] = `unix://${dockerd.socket}`;
    await dockerd.load({ name: "docker.io/library/busybox:1.36" });
    cluster = await start();
  });
  afterAll(async () => {
    await cluster?.stop();
    const networks = await dockerd?.docker("network", "ls", "-q", "--filter", "type=custom");
    for (const id of networks?.split("\n").filter(Boolean) ?? [])
      await dockerd.docker("network", "rm", id).catch(() => {});
    await dockerd?.stop();
    if (folder) await removeFolder(folder);
  });

  const make = (name: string, image = "busybox:1.36"): Promise<KubeObject> =>
    cluster.client.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "c", image, imagePullPolicy: "IfNotPresent", command: sleeps }],
      },
    });
  const status = (pod: KubeObject) => pod["status"]?.containerStatuses?.[0];
  const reaches = (name: string, wanted: (pod: KubeObject) => boolean) =>
    until(cluster.client, pods, name, wanted, "default", 60);
  const runs = (name: string, restarts: number) =>
    reaches(name, (pod) => status(pod)?.state?.running !== undefined && status(pod).restartCount === restarts);
  const containers = async (filter: string): Promise<string[]> =>
    (await dockerd.docker("ps", "-a", "--format", "{{.Names}}", "--filter", `name=${filter}`))
      .split("\n")
      .filter(Boolean);

  test("a container that is killed, or removed, is started again", { timeout: 60_000 }, async () => {
    await make("killed");
    await runs("killed", 0);
    await dockerd.docker("kill", ...(await containers("k8s_c_killed")));
    const pod = await runs("killed", 1);
    expect(status(pod).lastState.terminated).toMatchObject({ exitCode: 137, reason: "Error" });
    await dockerd.docker("rm", "-f", `k8s_c_killed_default_${pod.metadata.uid}_1`);
    await runs("killed", 2);
  });

  test("a sandbox that is killed is made anew, and the pod with it", async () => {
    await make("lost");
    const before = await runs("lost", 0);
    await dockerd.docker("kill", ...(await containers("k8s_POD_lost")));
    const pod = await runs("lost", 1);
    expect(pod["status"].podIP).not.toBe(before["status"].podIP);
    expect(pod["status"].podIPs).toEqual([{ ip: pod["status"].podIP }]);
  });

  test("a pod that is deleted while it is made leaves nothing", async () => {
    const names = Array.from({ length: 6 }, (_unused, index) => `brief-${index}`);
    for (const [index, name] of names.entries()) {
      await make(name, index % 2 === 0 ? "busybox:1.36" : "127.0.0.1:1/none:1");
      await new Promise((resolve) => setTimeout(resolve, index * 60));
      await cluster.client.resource(pods).delete(name, "default", index < 3 ? {} : { gracePeriodSeconds: 0 });
    }
    for (const name of names) await untilGone(cluster.client, pods, name);
    await vi.waitFor(async () => expect(await containers("brief")).toEqual([]), patience);
  });

  test("without docker the node is not ready and says why; pods come back with it", async () => {
    await make("stays");
    await runs("stays", 0);
    await dockerd.stop();
    const readiness = (node: KubeObject) =>
      node["status"]?.conditions?.find(({ type }: { type: string }) => type === "Ready");
    const down = await until(cluster.client, nodes, "node-1", (node) => readiness(node)?.status === "False", "", 60);
    expect(readiness(down)).toMatchObject({
      reason: "KubeletNotReady",
      message: expect.stringMatching(/^container runtime is down/),
    });
    // Its containerd may still be on its way out.
    await dockerd.startAgain().catch(() => dockerd.startAgain());
    await until(cluster.client, nodes, "node-1", (node) => readiness(node)?.status === "True", "", 60);
    await runs("stays", 1);
  }, 120_000);

  test("while Podwright is away containers go on, or end, and it finds out", async () => {
    await make("goes-on");
    await make("ends");
    const [going] = await Promise.all([runs("goes-on", 0), runs("ends", 0)]);
    await cluster.stop();
    await dockerd.docker("kill", ...(await containers("k8s_c_ends")));
    cluster = await start();
    await runs("ends", 1);
    const found = await runs("goes-on", 0);
    expect(status(found).containerID).toBe(status(going).containerID);
  }, 120_000);
});
