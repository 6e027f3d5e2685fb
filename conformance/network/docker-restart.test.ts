/** Services while docker goes away and comes back. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { pods, services } from "@podwright/client";
import { type Cluster, startCluster } from "@podwright/cluster";
import type { KubeObject } from "@podwright/kube";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";

const missing = missingFor("dockerd", "docker", "iptables-restore", "curl");
const run = promisify(execFile);
const patience = { timeout: 60_000, interval: 200 };

describe.skipIf(missing !== undefined)(`Docker restarted${missing === undefined ? "" : ` (${missing})`}`, () => {
  let folder: string;
  let dockerd: Dockerd;
  let cluster: Cluster;

  beforeAll(async () => {
    folder = await shortFolder("pwf-");
    dockerd = await startDockerd({ folder, liveRestore: true });
    await dockerd.load({ name: "docker.io/library/busybox:latest" });
    vi.stubEnv("DOCKER_HOST", `unix://${dockerd.socket}`);
    cluster = await startCluster({ runtime: "docker" });
  });
  afterAll(async () => {
    await cluster?.stop();
    vi.unstubAllEnvs();
    await dockerd?.stop();
    await removeFolder(folder);
    expect((await run("iptables-save")).stdout).not.toContain(`process ${process.pid}-`);
  });

  test("Services are reached as before, whatever became of the rules", async () => {
    const metadata = { name: "web", namespace: "default", labels: { app: "web" } };
    const serve = "mkdir /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www";
    const container = { name: "c", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sh", "-c", serve] };
    await cluster.client.resource(pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: { terminationGracePeriodSeconds: 0, containers: [container] },
    } as KubeObject);
    const { spec } = await cluster.client.resource(services).create({
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
    } as KubeObject);
    const answers = () =>
      vi.waitFor(async () => {
        expect((await run("curl", ["-s", "-m", "2", `http://${spec.clusterIP}`])).stdout).toBe("web\n");
      }, patience);
    await answers();
    await dockerd.stop();
    // As a firewall does that is started anew.
    const { stdout: rules } = await run("iptables-save");
    const [, chains = ""] = rules.match(new RegExp(`^-A (PWT-\\w+-)POSTROUTING .*process ${process.pid}-`, "m")) ?? [];
    for (const [table, from] of [
      ["nat", "OUTPUT"],
      ["filter", "FORWARD"],
    ] as const) {
      await run("iptables", ["-t", table, "-D", from, "-j", `${chains}${from}`]);
    }
    // Another daemon that starts on this machine may take away chains that this one is about to use.
    await vi.waitFor(() => dockerd.startAgain(), { timeout: 60_000, interval: 1000 });
    await answers();
  }, 180_000);
});
