/** What is too much, or not there: for `podwright up` in a process of its own, whose memory is looked at. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Client, loadKubeconfig, pods } from "@podwright/client";
import { until, untilGone } from "@podwright/cluster/testing";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { kubectlRunner, type RunKubectl } from "../kubectl.ts";
import { clientOf } from "../lane.ts";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { type PodwrightProcess, podwrightDown, startPodwright } from "../machine/podwright.ts";
import { missingFor } from "../machine/programs.ts";
import { container, first, ready } from "./scene.ts";

const missing = missingFor("dockerd", "docker", "runc", "iptables-save");
const why = missing === undefined ? "" : ` (${missing})`;
const patience = { timeout: 60_000, interval: 200 };
const run = promisify(execFile);

describe.skipIf(missing !== undefined)(`A node under load${why}`, { timeout: 240_000 }, () => {
  let folder: string;
  let dockerd: Dockerd;
  let podwright: PodwrightProcess;
  let client: Client;
  let kubectl: RunKubectl;
  const dataDir = () => join(folder, "full", "pw");
  const env = () => ({ DOCKER_HOST: `unix://${dockerd.socket}` });
  const start = async () => {
    podwright = await startPodwright({ dataDir: dataDir(), runtime: "docker", env: env() });
    client = clientOf(podwright.kubeconfig);
    kubectl = await kubectlRunner(podwright.kubeconfig);
  };
  beforeAll(async () => {
    folder = await shortFolder("pwh-");
    dockerd = await startDockerd({ folder });
    await dockerd.load({ name: "docker.io/library/busybox:1.36" });
    // A disk of its own, which can be filled.
    await mkdir(join(folder, "full"));
    await run("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", join(folder, "full")]);
    await start();
  });
  afterAll(async () => {
    await client?.close();
    await podwright?.end("SIGTERM");
    if (dockerd !== undefined) await podwrightDown(dataDir(), env()).catch(() => {});
    await dockerd?.stop();
    await removeFolder(folder);
  }, 90_000);

  const make = (name: string, more: object = {}, spec: object = {}): Promise<KubeObject> =>
    client.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default" },
      spec: { terminationGracePeriodSeconds: 0, containers: [container(more)], ...spec },
    });
  const reaches = (name: string, wanted: (pod: KubeObject) => boolean) =>
    until(client, pods, name, wanted, "default", 90);
  /** The most memory that the process had while something was done. */
  async function highest(action: () => Promise<unknown>): Promise<number> {
    let most = 0;
    const look = async () => {
      most = Math.max(most, await podwright.residentMb());
    };
    const looking = setInterval(() => look().catch(() => {}), 100);
    await action().finally(() => clearInterval(looking));
    return most;
  }

  test("a thousand commands in a pod leave nothing, and the API answers between them", async () => {
    await make("busy");
    await reaches("busy", ready);
    const before = await podwright.residentMb();
    const threads = async () =>
      Number(/Threads:\s+(\d+)/.exec(await readFile(`/proc/${podwright.pid}/status`, "utf8"))?.[1]);
    const files = async () => (await readdir(`/proc/${podwright.pid}/fd`)).length;
    const filesBefore = await files();
    let left = 1000;
    const worker = async () => {
      while (left-- > 0) expect(await executed(podwright.kubeconfig, "busy", ["echo", "x"])).toBe("x\n");
    };
    const most = await highest(() => Promise.all(Array.from({ length: 8 }, worker)));
    expect(most - before).toBeLessThan(150);
    await vi.waitFor(async () => expect(await files()).toBeLessThanOrEqual(filesBefore + 5), patience);
    expect(await threads()).toBeLessThan(40);
  }, 400_000);

  test("names of the cluster are found while the servers of the machine are away", async () => {
    await make("asks");
    await reaches("asks", ready);
    const outside = Promise.all(
      Array.from({ length: 10 }, (_unused, i) =>
        kubectl(["exec", "asks", "--", "nslookup", `n${i}.podwright.invalid.`]),
      ),
    );
    const name = "kubernetes.default.svc.cluster.local.";
    const began = Date.now();
    const { stdout } = await kubectl(["exec", "asks", "--", "nslookup", name]);
    expect(stdout).toContain("Address: 10.96.0.1\n");
    expect(Date.now() - began).toBeLessThan(10_000);
    // It is told at once that nobody answers, or that there is none.
    for (const { stdout: said, stderr } of await outside) expect(said + stderr).toMatch(/SERVFAIL|NXDOMAIN|timed out/);
  });

  test("a full disk: what runs goes on, what is new waits and says why, and comes when there is room", async () => {
    await make("runs");
    await reaches("runs", ready);
    const disk = join(folder, "full", "fill");
    await run("sh", ["-c", `cat /dev/zero > ${disk} 2>/dev/null || true`]);
    expect((await stat(disk)).size).toBeGreaterThan(1_000_000);
    const { code, stdout } = await kubectl(["exec", "runs", "--", "echo", "on"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "on\n" });
    await kubectl(["get", "pods"]);
    await truncate(disk);
    await make("after");
    await reaches("after", ready);
    await client.resource(pods).delete("runs", "default");
    await untilGone(client, pods, "runs");
  });

  test("killed: its pods live on and are found again; down leaves nothing", async () => {
    const volumes = [
      { name: "m", emptyDir: { medium: "Memory" } },
      { name: "e", emptyDir: {} },
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
    await make("lives", { volumeMounts }, { volumes });
    await make("dies");
    const [before] = await Promise.all([reaches("lives", ready), reaches("dies", ready)]);
    await make("half");
    await podwright.end("SIGKILL");
    await client.close();
    const names = await dockerd.docker("ps", "-q", "--filter", "name=k8s_c_dies");
    await dockerd.docker("kill", names.trim());
    await start();
    const after = await reaches("lives", ready);
    expect(first(after).containerID).toBe(first(before).containerID);
    expect(first(after).restartCount).toBe(0);
    await reaches("dies", (pod) => first(pod).restartCount === 1 && ready(pod));
    await reaches("half", ready);
    expect((await kubectl(["exec", "lives", "--", "echo", "on"])).stdout).toBe("on\n");

    const chains = async () => (await run("iptables-save")).stdout;
    await podwright.end("SIGKILL");
    const mine = await dockerd.docker("network", "ls", "--format", "{{.Name}}", "--filter", "type=custom");
    expect(mine).not.toBe("");
    const bridges = mine.trim().split("\n");
    await podwrightDown(dataDir(), env());
    expect(await dockerd.docker("ps", "-aq")).toBe("");
    expect(await dockerd.docker("network", "ls", "-q", "--filter", "type=custom")).toBe("");
    const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n");
    expect(mounts.filter((line) => line.includes(` ${dataDir()}/`))).toEqual([]);
    await expect(stat(join(dataDir(), "node"))).rejects.toThrow("ENOENT");
    for (const bridge of bridges) expect(await chains()).not.toContain(bridge);
  });
});

/** What a command prints, over a WebSocket as kubectl's, without the cost of a kubectl. */
async function executed(kubeconfig: string, pod: string, command: string[]): Promise<string> {
  const { server, tls, credentials } = loadKubeconfig({ path: kubeconfig });
  const { certificate, key } = await credentials.current();
  const query = new URLSearchParams({ stdout: "true" });
  for (const word of command) query.append("command", word);
  const url = `${server.replace("https:", "wss:")}/api/v1/namespaces/default/pods/${pod}/exec?${query}`;
  const socket = new WebSocket(url, "v5.channel.k8s.io", { ca: tls.ca, cert: certificate, key });
  let output = "";
  socket.on("message", (data: Buffer) => {
    if (data[0] === 1) output += data.subarray(1).toString();
  });
  await once(socket, "close");
  return output;
}
