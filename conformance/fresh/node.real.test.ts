import { Client, deployments, HttpTransport, loadKubeconfig, pods, silentLogger, systemClock } from "@podwright/client";
import type { KubeObject } from "@podwright/kube";
import { type Operator, startOperator } from "@podwright/operator";
import { findEngine, startImageAgent } from "@podwright/operator/image-agent";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { kubectlRunner, type RunKubectl } from "../kubectl.ts";
import { type Dockerd, startDockerd } from "../machine/dockerd.ts";
import { removeFolder, shortFolder } from "../machine/folder.ts";
import { missingFor } from "../machine/programs.ts";
import { type RealNode, realNodeMissing, startRealNode } from "../real-node.ts";
import { dockerBuild, openSource, podsRun, workloadsOf } from "./built-images.ts";

const missing = realNodeMissing() ?? missingFor("dockerd", "docker");
const wait = { timeout: 60_000, interval: 50 };

describe.skipIf(missing !== undefined)(`on a real node${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let node: RealNode;
  let client: Client;
  let kubectl: RunKubectl;
  let operator: Operator;
  let agent: { stop(): Promise<void> };
  let dockerd: Dockerd;
  let folder: string;
  beforeAll(async () => {
    node = await startRealNode("fresh-node");
    const { kubeconfig, socket } = node;
    client = new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })));
    kubectl = await kubectlRunner(kubeconfig);
    operator = await startOperator({
      client,
      without: ["nanopod", "pack", "reflector", "redeploy"],
      fresh: { scope: "all", deadlineMs: 15_000, settleMs: 2_000 },
      onError: console.error,
    });
    const engine = await findEngine({ choice: "containerd", socket, nodeNamespace: "k8s.io" });
    if (engine === undefined) throw new Error("no containerd");
    folder = await shortFolder("pwf-");
    dockerd = await startDockerd({ folder });
    process.env["DOCKER_HOST"] = `unix://${dockerd.socket}`;
    const [clock, logger] = [systemClock, silentLogger];
    agent = await startImageAgent({ client, node: node.name, engine, clock, logger, sync: { socket } });
  }, 180_000);
  afterAll(async () => {
    await agent?.stop();
    await operator?.stop();
    await client?.close();
    await node?.stop();
    await dockerd?.stop();
    if (folder !== undefined) await removeFolder(folder);
  }, 60_000);

  async function deploy(name: string, image: string): Promise<void> {
    await client.resource(deployments).create({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name, namespace: "default" },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: "c", image, imagePullPolicy: "IfNotPresent" }],
          },
        },
      },
    });
  }
  /** What the running pods of a Deployment say they are, read from inside. */
  async function versions(app: string): Promise<string[]> {
    const { items } = await client.resource(pods).list({ namespace: "default", labelSelector: `app=${app}` });
    const running = items.filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && isReady(status));
    const said = await Promise.all(
      running.map(({ metadata }) => kubectl(["exec", metadata.name as string, "--", "cat", "/version"])),
    );
    return said.map(({ stdout }) => stdout);
  }
  const runs = (app: string, ...expected: string[]) =>
    vi.waitFor(async () => expect(await versions(app)).toEqual(expected), wait);
  const image = async (app: string) =>
    (await client.resource(deployments).get(app, "default"))["spec"].template.spec.containers[0].image;

  test("the cluster runs myimage:test, myimage:fixed is imported, and the pods run it", async () => {
    await node.importImage("myimage:test", "test");
    await deploy("mine", "myimage:test");
    await runs("mine", "test");
    await node.importImage("myimage:fixed", "fixed");
    await runs("mine", "fixed");
    expect(await image("mine")).toBe("myimage:fixed");
  }, 120_000);

  test("docker build -t built:fixed . beside the node, and every workload that used built:test runs it", async () => {
    const source = await openSource(folder, dockerBuild(dockerd.socket));
    await source.build("built:test", "test");
    expect(await kubectl(["apply", "-f", "-"], workloadsOf("built:test"))).toMatchObject({ code: 0 });
    await podsRun(kubectl, "test");
    await source.build("built:fixed", "fixed");
    await podsRun(kubectl, "fixed");
    await kubectl(["delete", "deployment/web", "statefulset/db", "daemonset/log", "cronjob/nightly"]);
  }, 600_000);

  test("new content under the same tag is what the pods run then, with IfNotPresent", async () => {
    await node.importImage("same:dev", "one");
    await deploy("same", "same:dev");
    await runs("same", "one");
    await node.importImage("same:dev", "two");
    await runs("same", "two");
    expect(await image("same")).toBe("same:dev");
  }, 120_000);

  test("ctr images tag of other content is rolled out, of the same content is not", async () => {
    await node.importImage("tagged:1", "first");
    await deploy("tagged", "tagged:1");
    await runs("tagged", "first");
    await node.ctrImages("tag", "docker.io/library/tagged:1", "docker.io/library/tagged:copy");
    await node.importImage("built:now", "second");
    await node.ctrImages("tag", "docker.io/library/built:now", "docker.io/library/tagged:2");
    await runs("tagged", "second");
    expect(await image("tagged")).toBe("tagged:2");
  }, 120_000);

  test("an image that does not start is taken back", async () => {
    await node.importImage("bad:1", "good");
    await deploy("bad", "bad:1");
    await runs("bad", "good");
    await node.importImage("bad:2", "bad", ["/bin/nothing"]);
    await vi.waitFor(async () => expect(await image("bad")).toBe("bad:2"), wait);
    await vi.waitFor(async () => expect(await image("bad")).toBe("bad:1"), wait);
    await runs("bad", "good");
    const { stdout } = await kubectl([
      "get",
      "events",
      "-o",
      "jsonpath={.items[?(@.reason=='FreshReverted')].message}",
    ]);
    expect(stdout).toContain("not ready within 15 s");
  }, 180_000);
});

function isReady(status: KubeObject["status"]): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status }: { type: string; status: string }) => type === "Ready" && status === "True",
  );
}
