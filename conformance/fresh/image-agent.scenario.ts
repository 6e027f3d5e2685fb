import { chmod, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeImages } from "@podwright/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type RunKubectl, run } from "../kubectl.ts";
import { laneHelm } from "../lane.ts";
import { putOperatorImage } from "../machine/operator-image.ts";
import { missingFor } from "../machine/programs.ts";
import { type NodeLane, nodeLaneMissing, openNodeLane } from "../node-lane.ts";
import { podsRun, workloadsOf } from "./built-images.ts";

const missing = nodeLaneMissing ?? missingFor("dockerd", "docker");
const chart = fileURLToPath(new URL("../../charts/podwright", import.meta.url));

describe.skipIf(missing !== undefined)(`the chart's image agent (${missing ?? "real containers"})`, () => {
  let lane: NodeLane;
  let namespace: string;
  let kubectl: RunKubectl;
  beforeAll(async () => {
    lane = await openNodeLane();
    namespace = await lane.namespace("agents");
    await putOperatorImage(lane);
  }, 180_000);
  afterAll(async () => {
    if (namespace !== undefined) {
      const args = ["uninstall", "podwright", "-n", namespace, "--kubeconfig", lane.kubeconfig, "--wait"];
      await run(await laneHelm(), args);
    }
    await lane?.client
      .resource(nodeImages)
      .delete(lane.node)
      .catch(() => {});
    await lane?.close();
  }, 120_000);

  const load = (name: string, version: string) =>
    lane.load({
      name: `docker.io/library/${name}`,
      files: { version },
      command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"],
    });

  test("a DaemonSet of them reports what nodes have, and the operator rolls it out", async () => {
    await chmod(dirname(lane.engineSocket), 0o755);
    const values = {
      "image.tag": "test",
      "imageAgent.enabled": "true",
      "imageAgent.engine": lane.runtime === "docker" ? "docker" : "containerd",
      "imageAgent.socket": lane.engineSocket,
      // As whoever may use the socket, not as root.
      "imageAgent.runAsUser": "65532",
      "imageAgent.runAsGroup": String((await stat(lane.engineSocket)).gid),
      without: "{nanopod,pack,reflector,redeploy}",
    };
    const installed = await run(await laneHelm(), [
      ...["upgrade", "--install", "podwright", chart, "-n", namespace, "--kubeconfig", lane.kubeconfig],
      ...["--wait", "--timeout", "90s"],
      ...Object.entries(values).flatMap(([key, value]) => ["--set", `${key}=${value}`]),
    ]);
    expect(installed, await describePods()).toMatchObject({ code: 0 });
    const target = await lane.namespace("work");
    kubectl = (args, input) => lane.kubectl(["-n", target, ...args], input);
    await lane.kubectl(["label", "namespace", target, "podwright.dev/fresh=true"]);
    await load("agent-app:test", "test");
    expect(await kubectl(["apply", "-f", "-"], workloadsOf("agent-app:test"))).toMatchObject({ code: 0 });
    await podsRun(kubectl, "test");
    await load("agent-app:fixed", "fixed");
    await podsRun(kubectl, "fixed");

    const { status, metadata } = await lane.client.resource(nodeImages).get(lane.node);
    expect(status).toMatchObject({ connected: true, missedEvents: 0 });
    expect(metadata.ownerReferences).toMatchObject([{ kind: "Node", name: lane.node }]);
    await vi.waitFor(
      async () => {
        const { stdout } = await kubectl(["get", "events", "-o", "jsonpath={.items[*].message}"]);
        expect(stdout).toContain(`Rolled container main from agent-app:test`);
        expect(stdout).toContain(`on ${lane.node}`);
      },
      { timeout: 20_000, interval: 200 },
    );
  }, 600_000);

  async function describePods(): Promise<string> {
    const { stdout } = await lane.kubectl(["describe", "pods", "-n", namespace]);
    const logs = await lane.kubectl([
      "logs",
      "-n",
      namespace,
      "-l",
      "app.kubernetes.io/instance=podwright",
      "--tail=20",
    ]);
    return `${stdout}\n${logs.stdout}${logs.stderr}`;
  }
});
