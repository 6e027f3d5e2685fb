/** A whole cluster on docker: what is found again, what recovers, what is left. */
import { readdir } from "node:fs/promises";
import { configMaps, nodes, services } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { describe, expect, test, vi } from "vitest";
import { startDockerd } from "../machine/dockerd.ts";
import { missingFor } from "../machine/programs.ts";
import { type PodObject, podOf, podsOf, ready, stoppedInGrace, useClusterScene, waiting } from "./cluster-scene.ts";

const missing = missingFor("dockerd", "docker", "ip", "nsenter", "iptables");

type NodeObject = KubeObject & {
  status?: {
    conditions?: { type: string; status: string; message: string }[];
    nodeInfo?: { containerRuntimeVersion: string };
  };
};

describe.skipIf(missing !== undefined)(
  `a cluster on docker${missing ? `: ${missing}` : ""}`,
  { timeout: 90_000 },
  () => {
    const scene = useClusterScene({
      startDaemon: startDockerd,
      env: ({ socket }) => ({ DOCKER_HOST: `unix://${socket}` }),
      cluster: ({ socket }) => ({ runtime: "docker", dockerHost: `unix://${socket}`, podCidr: "10.101.32.0/22" }),
    });
    const docker = (...args: string[]) => scene.daemon.docker(...args);
    const containersLeft = async () => (await docker("ps", "-aq")).split("\n").filter(Boolean).length;
    const networksLeft = async () =>
      (await docker("network", "ls", "--filter", "label=podwright.dev/cluster", "-q")).split("\n").filter(Boolean)
        .length;

    test("stops without waiting for a static pod that is in its grace period, and nothing fails afterwards", async () => {
      const preStop = { exec: { command: ["sleep", "600"] } };
      for (const lifecycle of [{}, { preStop }]) expect(await stoppedInGrace(scene, lifecycle)).toEqual([]);
      expect(await containersLeft()).toEqual(0);
    });

    test("in memory, nothing is left of it", async () => {
      const of = await scene.start();
      expect(of.runtime.name).toBe("docker");
      const [node] = (await of.client.resource<NodeObject>(nodes).list()).items;
      expect(node?.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^docker:\/\/\d+\./);
      await podsOf(of).create(podOf("p"));
      const pod = await ready(of, "p");
      expect(pod.status?.podIP).toMatch(/^10\.101\.3[2-5]\./);
      expect(pod.status?.containerStatuses?.[0]?.containerID).toMatch(/^docker:\/\/[0-9a-f]{64}$/);
      await of.stop();
      expect(await containersLeft()).toBe(0);
      expect(await networksLeft()).toBe(0);
      expect((await readdir("/tmp")).filter((name) => name === `podwright-${process.pid}`)).toEqual([]);
    });

    test("a deleted pod leaves nothing", async () => {
      const of = await scene.start();
      await podsOf(of).create(podOf("p"));
      await ready(of, "p");
      await podsOf(of).delete("p", "default");
      await vi.waitFor(async () => expect(await containersLeft()).toBe(0), waiting);
    });

    test("its pods live on over a restart; what ended meanwhile is started again, what was deleted is removed", async () => {
      let of = await scene.startKept();
      for (const name of ["stays", "ends", "goes"]) await podsOf(of).create(podOf(name));
      const before = await ready(of, "stays");
      await ready(of, "ends");
      await ready(of, "goes");
      await of.stop();
      expect(await containersLeft()).toBe(6);
      const idOf = async (name: string) => (await docker("ps", "-q", `--filter=name=k8s_c_${name}_`)).trim();
      await docker("kill", await idOf("ends"));
      // Nobody was there to see the node's end of it.
      of = await scene.startKept();
      expect(await ready(of, "stays")).toMatchObject({
        status: { containerStatuses: before.status?.containerStatuses, podIP: before.status?.podIP },
      });
      await ready(of, "ends", 1);
      await podsOf(of).delete("goes", "default", { gracePeriodSeconds: 0 });
      await of.stop();
      of = await scene.startKept();
      await vi.waitFor(async () => expect(await idOf("goes")).toBe(""), waiting);
      await ready(of, "stays");
    });

    test("a container killed, and a pause container removed, behind its back", async () => {
      const of = await scene.start();
      await podsOf(of).create(podOf("p"));
      await ready(of, "p");
      await docker("kill", (await docker("ps", "-q", "--filter=name=k8s_c_p_")).trim());
      await ready(of, "p", 1);
      await docker("rm", "-f", (await docker("ps", "-q", "--filter=name=k8s_POD_p_")).trim());
      await ready(of, "p", 2);
    });

    test("without its daemon the node is not ready and says why; with it the pods recover", async () => {
      const of = await scene.start();
      await podsOf(of).create(podOf("p"));
      await ready(of, "p");
      const readiness = async () => {
        const [node] = (await of.client.resource<NodeObject>(nodes).list()).items;
        return node?.status?.conditions?.find(({ type }) => type === "Ready");
      };
      await scene.daemon.stop();
      await vi.waitFor(
        async () =>
          expect(await readiness()).toMatchObject({
            status: "False",
            message: expect.stringContaining("docker daemon"),
          }),
        waiting,
      );
      await scene.daemon.startAgain();
      await vi.waitFor(async () => expect(await readiness()).toMatchObject({ status: "True" }), waiting);
      await ready(of, "p", 1);
    });

    test("a pod can ask for another runtime", async () => {
      const of = await scene.start();
      const annotations = { "podwright.dev/runtime": "simulated" };
      await podsOf(of).create(podOf("p", "sleep 1000", { annotations }));
      const pod = await ready(of, "p");
      expect(pod.status?.containerStatuses?.[0]?.containerID).toMatch(/^simulated:/);
      expect(await containersLeft()).toBe(0);
    });

    test("where pods are simulated, one that asks for docker has files, names and Services too", async () => {
      const of = await scene.start({ runtime: "simulated", podCidr: "10.101.40.0/22" });
      const annotations = { "podwright.dev/runtime": "docker" };
      const metadata = { namespace: "default", name: "web" };
      await of.client
        .resource(configMaps)
        .create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { word: "hello" } });
      const ports = [{ port: 80, targetPort: 8080 }];
      await of.client.resource(services).create({
        apiVersion: "v1",
        kind: "Service",
        metadata,
        spec: { selector: { app: "web" }, ports },
      } as KubeObject);
      const serve = "while :; do echo served | nc -l -p 8080; done";
      await podsOf(of).create(podOf("web", serve, { annotations, labels: { app: "web" } }));
      await podsOf(of).create(podOf("p"));
      const script = `until [ "$(nc web 80 < /dev/null)" = served ]; do sleep 0.2; done; cat /files/word`;
      const asking = podOf("asking", script, { annotations });
      const [container] = asking.spec.containers;
      await podsOf(of).create({
        ...asking,
        spec: {
          ...asking.spec,
          restartPolicy: "Never",
          volumes: [{ name: "files", configMap: { name: "web" } }],
          containers: [{ ...container, volumeMounts: [{ name: "files", mountPath: "/files" }] }],
        },
      } as PodObject);
      await vi.waitFor(
        async () => expect((await podsOf(of).get("asking", "default")).status?.phase).toBe("Succeeded"),
        waiting,
      );
      expect(await docker("logs", (await docker("ps", "-aq", "--filter=name=k8s_c_asking_")).trim())).toBe("hello");
      const simulated = await ready(of, "p");
      expect(simulated.status?.containerStatuses?.[0]?.containerID).toMatch(/^simulated:/);
      const pod = await ready(of, "web");
      const folder = Object.values(
        JSON.parse(await docker("inspect", (await docker("ps", "-q", "--filter=name=k8s_POD_web_")).trim()))[0].Config
          .Labels as Record<string, string>,
      ).find((value) => value.endsWith(`/${pod.metadata.uid}`)) as string;
      expect(await readdir(folder)).toContain("resolv.conf");
      await of.stop();
      expect(await containersLeft()).toBe(0);
      await expect(readdir(folder)).rejects.toThrow("ENOENT");
    });

    test("podwright down ends a running cluster and takes all of it off the machine", async () => {
      const { podwright } = scene;
      const up = podwright(
        "up",
        "--data-dir",
        "d",
        "--port",
        "0",
        "--runtime",
        "docker",
        "--pod-cidr",
        "10.101.36.0/22",
      );
      await vi.waitFor(() => expect(up.output()).toMatch(/Pods run in docker \d+\./), waiting);
      expect(up.output()).toContain("podwright down --data-dir d removes them");
      expect(await networksLeft()).toBe(1);
      const down = podwright("down", "--data-dir", "d");
      expect(await down.ended).toBe(0);
      expect(down.output()).toMatch(/^Stopped podwright up \(process \d+\)\.\nRemoved 0 containers, 1 network and the/);
      expect(await up.ended).toBe(0);
      expect(await networksLeft()).toBe(0);
      const again = podwright("down", "--data-dir", "d", "--all");
      expect(await again.ended).toBe(0);
      expect(again.output()).toBe(
        "Removed 0 containers, 0 networks and the pods' folders.\nRemoved d: the cluster is gone.\n",
      );
      expect(await readdir(scene.folder)).not.toContain("d");
    });
  },
);
