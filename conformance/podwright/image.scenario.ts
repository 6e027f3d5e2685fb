import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deployments, pods, secrets } from "@podwright/client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../kubectl.ts";
import { laneHelm } from "../lane.ts";
import { shortFolder } from "../machine/folder.ts";
import { putOperatorImage } from "../machine/operator-image.ts";
import { missingFor } from "../machine/programs.ts";
import { type NodeLane, nodeLaneMissing, openNodeLane } from "../node-lane.ts";

const missing = nodeLaneMissing ?? missingFor("dockerd", "docker");
const charts = fileURLToPath(new URL("../../charts", import.meta.url));
const waiting = { timeout: 60_000, interval: 200 };

describe.skipIf(missing !== undefined)(`the operator's image (${missing ?? "real containers"})`, () => {
  let lane: NodeLane;
  let folder: string;
  let namespace: string;
  let repository: Server;
  beforeAll(async () => {
    folder = await shortFolder("pwi-");
    lane = await openNodeLane();
    namespace = await lane.namespace("podwright");
    await putOperatorImage(lane);
  }, 180_000);
  afterAll(async () => {
    repository?.close();
    await lane?.close();
    await rm(folder, { recursive: true, force: true });
  }, 120_000);

  /** A chart repository over HTTP that pods reach at their gateway. */
  async function serveCharts(): Promise<string> {
    const helm = await laneHelm();
    await run(helm, ["package", join(charts, "genpack"), "-d", folder]);
    const host = lane.gateway;
    repository = createServer(async (request, response) => {
      const content = await readFile(join(folder, (request.url ?? "/").replaceAll("..", ""))).catch(() => undefined);
      response.writeHead(content === undefined ? 404 : 200).end(content);
    });
    await new Promise<void>((resolve) => repository.listen(0, host, resolve));
    const url = `http://${host}:${(repository.address() as { port: number }).port}`;
    await run(helm, ["repo", "index", folder, "--url", url]);
    return url;
  }

  test("helm installs it, and its pods arm pods, spread secrets and install Packs", async () => {
    const helm = await laneHelm();
    const args = ["--kubeconfig", lane.kubeconfig, "-n", namespace, "--set", "image.tag=test", "--set", "replicas=2"];
    const installed = await run(helm, [
      ...["upgrade", "--install", "podwright", join(charts, "podwright"), "--wait", "--timeout", "90s"],
      ...args,
    ]);
    expect(installed, await describePods()).toMatchObject({ code: 0 });

    const target = await lane.namespace("target");
    const nanoPod = `apiVersion: nanopod.nanopod.treezh.cn/v1
kind: NanoPod
metadata: {name: armed, namespace: ${target}}
spec: {template: {spec: {containers: [{name: main, env: [{name: ARMED, value: "yes"}]}]}}}
`;
    await lane.kubectl(["apply", "-f", "-"], nanoPod);
    // The two operators hear of it in their own time.
    await vi.waitFor(async () => {
      await lane.client.resource(pods).create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { generateName: "probe-", namespace: target, labels: { "nano-pods": "armed" } },
        spec: { containers: [{ name: "main", image: "busybox:1.36", command: ["sleep", "3600"] }] },
      });
      const made = (await lane.client.resource(pods).list({ namespace: target })).items;
      const armed = made.filter(({ spec }) => JSON.stringify(spec).includes("ARMED"));
      expect(armed.length).toBeGreaterThan(0);
    }, waiting);

    await lane.client.resource(secrets).create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "shared", namespace },
      data: { a: "MQ==" },
    });
    const url = await serveCharts();
    const objects = `apiVersion: k8s.kubit.ir/v1alpha1
kind: SecretReflector
metadata: {name: shared, namespace: ${namespace}}
spec: {secret: {name: shared}, targets: {namespaces: [${target}]}}
---
apiVersion: k8s.kubit.ir/v1alpha1
kind: ClusterPackRepository
metadata: {name: ${target}}
spec: {url: "${url}"}
---
apiVersion: k8s.kubit.ir/v1alpha1
kind: Pack
metadata: {name: site, namespace: ${target}}
spec:
  chart: {name: genpack, repository: {kind: ClusterPackRepository, name: ${target}}}
  values:
    gonbad:
      workloads:
        web:
          kind: deployment
          containers: {web: {image: {repository: busybox, tag: "1.36"}, command: [sleep, "3600"]}}
`;
    await writeFile(join(folder, "objects.yaml"), objects);
    expect(await lane.kubectl(["apply", "-f", join(folder, "objects.yaml")])).toMatchObject({ code: 0 });
    await vi.waitFor(async () => {
      expect(await lane.client.resource(secrets).get("shared", target)).toMatchObject({ data: { a: "MQ==" } });
      const { items } = await lane.client.resource(deployments).list({ namespace: target });
      expect(items.map(({ status }) => status?.readyReplicas)).toEqual([1]);
    }, waiting);

    for (const kind of ["pack/site", "secretreflector/shared", `clusterpackrepository/${target}`]) {
      const where = kind.startsWith("pack/") ? target : namespace;
      expect(await lane.kubectl(["delete", kind, "-n", where, "--timeout=60s"])).toMatchObject({ code: 0 });
    }
    const removed = await run(helm, ["uninstall", "podwright", "--wait", "--timeout", "60s", ...args.slice(0, 4)]);
    expect(removed).toMatchObject({ code: 0 });
  }, 240_000);

  async function describePods(): Promise<string> {
    const { stdout } = await lane.kubectl(["describe", "pods", "-n", namespace]);
    const logs = await lane.kubectl(["logs", "-n", namespace, "-l", "app.kubernetes.io/name=podwright", "--tail=20"]);
    return `${stdout}\n${logs.stdout}${logs.stderr}`;
  }
});
