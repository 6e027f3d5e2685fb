import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { kubectlRunner, type RunKubectl } from "../kubectl.ts";
import { startContainerd } from "../machine/containerd.ts";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { type PodwrightProcess, podwrightDown, startPodwright } from "../machine/podwright.ts";
import { missingFor } from "../machine/programs.ts";
import { dockerBuild, openSource, podsRun, workloadsOf } from "./built-images.ts";

const missing = missingFor("dockerd", "docker", "containerd", "ctr", "runc", "ip", "nsenter", "iptables");
const wait = { timeout: 60_000, interval: 200 };

describe.skipIf(missing !== undefined)(`podwright up and docker build (${missing ?? "real containers"})`, () => {
  let folder: string;
  let dockerd: Dockerd;
  let undo: (() => unknown)[];
  beforeEach(async () => {
    folder = await shortFolder("pwu-");
    undo = [() => removeFolder(folder)];
    dockerd = await startDockerd({ folder: await below("d") });
    undo.push(() => dockerd.stop());
  }, 60_000);
  afterEach(async () => {
    for (const step of undo.reverse()) await step();
  }, 120_000);

  async function below(name: string): Promise<string> {
    const path = join(folder, name);
    await mkdir(path);
    return path;
  }

  /** `podwright up` on the docker, or on a containerd beside it. */
  async function up(runtime: "docker" | "containerd"): Promise<RunKubectl> {
    const env: Record<string, string> = { DOCKER_HOST: `unix://${dockerd.socket}` };
    const args = ["--without", "nanopod", "pack", "reflector", "redeploy", "pod-service"];
    if (runtime === "containerd") {
      const containerd = await startContainerd({ folder: await below("c") });
      undo.push(() => containerd.stop());
      env["CONTAINERD_ADDRESS"] = containerd.socket;
      args.push("--sync");
    }
    const dataDir = join(folder, "data");
    undo.push(() => podwrightDown(dataDir, env));
    const running: PodwrightProcess = await startPodwright({ dataDir, runtime, env, args });
    undo.push(() => running.end("SIGINT"));
    return kubectlRunner(running.kubeconfig);
  }

  test.each(["docker", "containerd"] as const)(
    "docker build -t myimage:fixed . and every workload that used myimage:test runs it, on %s",
    async (runtime) => {
      const source = await openSource(folder, dockerBuild(dockerd.socket));
      await source.build("myimage:test", "test");
      const kubectl = await up(runtime);
      expect(await kubectl(["apply", "-f", "-"], workloadsOf("myimage:test"))).toMatchObject({ code: 0 });
      await podsRun(kubectl, "test");

      await source.build("myimage:fixed", "fixed");
      await podsRun(kubectl, "fixed");
      const images = await kubectl([
        "get",
        "deployments,statefulsets,daemonsets,cronjobs",
        "-o",
        "jsonpath={range .items[*]}{.kind} {..containers[0].image}{'\\n'}{end}",
      ]);
      expect(images.stdout).toBe(
        ["Deployment", "StatefulSet", "DaemonSet", "CronJob"].map((kind) => `${kind} myimage:fixed\n`).join(""),
      );
      // One rollout: pods that are about to go say nothing of the new tag's content.
      const revision = ["-o", "jsonpath={.items[*].metadata.annotations.deployment\\.kubernetes\\.io/revision}"];
      expect((await kubectl(["get", "deployments", ...revision])).stdout).toBe("2");
      await kubectl(["create", "job", "now", "--from=cronjob/nightly"]);
      await vi.waitFor(async () => expect((await kubectl(["logs", "job/now"])).stdout).toBe("fixed"), wait);

      // The same tag with other content.
      await source.build("myimage:fixed", "again");
      await podsRun(kubectl, "again");
    },
    600_000,
  );
});
