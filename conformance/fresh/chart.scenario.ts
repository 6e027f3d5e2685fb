import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Client,
  daemonSets,
  deployments,
  HttpTransport,
  loadKubeconfig,
  namespaces,
  nodeImages,
  nodes,
  serviceAccounts,
  silentLogger,
  systemClock,
} from "@podwright/client";
import { type Operator, startOperator } from "@podwright/operator";
import { startImageAgent } from "@podwright/operator/image-agent";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { run } from "../kubectl.ts";
import { type Lane, laneHelm, openLane } from "../lane.ts";

const chart = fileURLToPath(new URL("../../charts/podwright", import.meta.url));
const wait = { timeout: 20_000, interval: 50 };

let lane: Lane;
let folder: string;
let namespace: string;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  lane = await openLane({ operator: false });
  folder = await mkdtemp(join(tmpdir(), "podwright-fresh-chart-"));
  namespace = await lane.namespace("fresh-chart");
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  await rm(folder, { recursive: true, force: true });
  await lane?.close();
});

/** A client with the rights of a service account, and no others. */
async function clientOf(account: string): Promise<Client> {
  const { status } = (await lane.client.resource(serviceAccounts).createSubresource(account, namespace, "token", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {},
  } as never)) as unknown as { status: { token: string } };
  const config = parse(await readFile(lane.kubeconfig, "utf8"));
  const path = join(folder, account);
  const users = config.users.map(({ name }: { name: string }) => ({ name, user: { token: status.token } }));
  await writeFile(path, stringify({ ...config, users }), { mode: 0o600 });
  const client = new Client(new HttpTransport(loadKubeconfig({ path })));
  closing.push(() => client.close());
  return client;
}

test("the chart's accounts may do what the agent and the part fresh need", async () => {
  const without = ["nanopod", "pack", "reflector", "redeploy"] as const;
  const values = ["--set", "imageAgent.enabled=true", "--set", `without={${without.join(",")}}`];
  const args = [
    "upgrade",
    "--install",
    "podwright",
    chart,
    ...values,
    "-n",
    namespace,
    "--kubeconfig",
    lane.kubeconfig,
  ];
  const installed = await run(await laneHelm(), args);
  expect(installed.stderr).toBe("");
  const daemonSet = await lane.client.resource(daemonSets).get("podwright-image-agent", namespace);
  const [container] = daemonSet["spec"].template.spec.containers;
  expect(container.args).toEqual(["image-agent", "--images=auto", "--socket=/engine/containerd.sock"]);
  expect(container.volumeMounts).toContainEqual({ name: "engine", mountPath: "/engine", readOnly: true });

  const errors: unknown[] = [];
  const operator: Operator = await startOperator({
    client: await clientOf("podwright"),
    without,
    fresh: { scope: "opt-in", settleMs: 200 },
    onError: (error) => errors.push(error),
  });
  closing.push(() => operator.stop());
  const { items } = await lane.client.resource(nodes).list();
  const node = items[0]?.metadata.name as string;
  const images = [{ name: "docker.io/library/charted:1", ids: [`sha256:${"a".repeat(64)}`] }];
  const tell: ((hint: object) => void)[] = [];
  const client = await clientOf("podwright-image-agent");
  // Two, as while a DaemonSet is updated.
  for (let count = 0; count < 2; count++) {
    const agent = await startImageAgent({
      client,
      node,
      clock: systemClock,
      logger: silentLogger,
      engine: {
        kind: "containerd",
        list: async () => images,
        find: async (key) => images.filter(({ name }) => name === key),
        watch(handlers) {
          tell.push((hint) => handlers.onHint(hint));
          handlers.onConnected();
          return { close: async () => {} };
        },
        close() {},
      },
    });
    closing.push(() => agent.stop());
  }
  closing.push(() =>
    lane.client
      .resource(nodeImages)
      .delete(node)
      .catch(() => undefined),
  );
  await vi.waitFor(async () => {
    const { status, metadata } = await lane.client.resource(nodeImages).get(node);
    expect(status?.images).toHaveLength(1);
    expect(metadata.ownerReferences).toMatchObject([{ kind: "Node", name: node }]);
  }, wait);

  const labels = { "podwright.dev/fresh": "true" };
  await lane.client.resource(namespaces).patch(namespace, undefined, { metadata: { labels } }, { type: "merge" });
  await lane.client.resource(deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { nodeName: node, containers: [{ name: "c", image: "charted:1" }] },
      },
    },
  });
  images.push({ name: "docker.io/library/charted:2", ids: [`sha256:${"b".repeat(64)}`] });
  for (const each of tell) each({ key: "docker.io/library/charted:2" });
  await vi.waitFor(async () => {
    const { spec } = await lane.client.resource(deployments).get("web", namespace);
    expect(spec?.template.spec.containers[0].image).toBe("charted:2");
  }, wait);
  const state = async () => {
    const { metadata } = await lane.client.resource(deployments).get("web", namespace);
    return JSON.parse(metadata.annotations?.["podwright.dev/fresh-state"] ?? "{}");
  };
  await vi.waitFor(async () => expect((await state()).rolls[0].result).toBe("ready"), wait);
  expect((await state()).rolls).toHaveLength(1);
  expect(errors).toEqual([]);
});
