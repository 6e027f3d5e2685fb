/** A user who is not root, but may use docker: pods run, with volumes, names and Services. */
import { spawn } from "node:child_process";
import { chmod, chown, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, configMaps, pods } from "@podwright/client";
import { removeFromMachine } from "@podwright/cluster";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { clientOf } from "../lane.ts";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("dockerd", "docker", "ip", "iptables", "setpriv");
const main = fileURLToPath(new URL("../../packages/cli/bin/main.mjs", import.meta.url));
const nobody = 65_534;
const waiting = { timeout: 60_000, interval: 100 };

describe.skipIf(missing !== undefined)(`not as root${missing ? `: ${missing}` : ""}`, { timeout: 120_000 }, () => {
  let folder: string;
  let dockerd: Dockerd;
  let client: Client;
  let end: () => Promise<unknown>;

  beforeAll(async () => {
    folder = await shortFolder("pwu-");
    dockerd = await startDockerd({ folder });
    await dockerd.load({ name: "docker.io/library/busybox:1.36" });
    await chmod(folder, 0o711);
    await chown(dockerd.socket, 0, nobody);
    await chmod(dockerd.socket, 0o660);
    const home = join(folder, "home");
    await mkdir(home);
    await chown(home, nobody, nobody);
    const user = ["--reuid", `${nobody}`, "--regid", `${nobody}`, "--clear-groups", "--inh-caps=-all"];
    const up = ["up", "--output", "json", "--port", "0", "--data-dir", "d", "--runtime", "docker"];
    const env = { ...process.env, DOCKER_HOST: `unix://${dockerd.socket}`, HOME: home };
    const child = spawn("setpriv", [...user, process.execPath, main, ...up, "--pod-cidr", "10.101.44.0/22"], {
      cwd: home,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exit = new Promise((resolve) => child.once("close", resolve));
    end = () => {
      child.kill("SIGTERM");
      return exit;
    };
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    await vi.waitFor(() => expect(output).toContain("\n"), waiting);
    const { kubeconfig } = JSON.parse(output.split("\n")[0] ?? "") as { kubeconfig: string };
    client = clientOf(kubeconfig);
  }, 120_000);
  afterAll(async () => {
    await client?.close();
    await end?.();
    if (dockerd !== undefined) {
      const env = { DOCKER_HOST: `unix://${dockerd.socket}` };
      await removeFromMachine({ dataDir: join(folder, "home", "d"), env });
      await dockerd.stop();
    }
    if (folder) await removeFolder(folder);
  }, 60_000);

  test("a pod has its files and finds the cluster by name", async () => {
    const metadata = { name: "p", namespace: "default" };
    await client
      .resource(configMaps)
      .create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { word: "hello" } } as KubeObject);
    const script = [
      "cat /files/word",
      "id -u > /data/file",
      "until nslookup kubernetes.default.svc.cluster.local > /dev/null; do sleep 0.2; done",
      "until nc kubernetes.default 443 < /dev/null; do sleep 0.2; done",
    ].join(" && ");
    await client.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: {
        restartPolicy: "Never",
        volumes: [
          { name: "files", configMap: { name: "p" } },
          { name: "data", emptyDir: {} },
        ],
        containers: [
          {
            name: "c",
            image: "busybox:1.36",
            imagePullPolicy: "IfNotPresent",
            command: ["sh", "-c", script],
            volumeMounts: [
              { name: "files", mountPath: "/files" },
              { name: "data", mountPath: "/data" },
            ],
          },
        ],
      },
    } as KubeObject);
    const pod = await vi.waitFor(async () => {
      const found = await client.resource(pods).get("p", "default");
      expect(found["status"]?.phase).toBe("Succeeded");
      return found;
    }, waiting);
    const volume = join(folder, "home", "d", "node", "node-1", "pods", pod.metadata.uid as string, "volumes", "data");
    // The container's root is the machine's: what it wrote is not the user's, and goes with the pod nevertheless.
    expect(await readFile(join(volume, "file"), "utf8")).toBe("0\n");
    await client.resource(pods).delete("p", "default", { gracePeriodSeconds: 0 });
    await vi.waitFor(async () => await expect(readFile(join(volume, "file"))).rejects.toThrow("ENOENT"), waiting);
  });
});
