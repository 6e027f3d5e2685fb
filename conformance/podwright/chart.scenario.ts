import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  Client,
  clusterRoles,
  HttpTransport,
  loadKubeconfig,
  mutatingWebhookConfigurations,
  packs,
  secretReflectors,
  secrets,
  serviceAccounts,
} from "@podwright/client";
import { type Operator, startOperator } from "@podwright/operator";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { run } from "../kubectl.ts";
import { type Lane, laneHelm, openLane } from "../lane.ts";

const chart = fileURLToPath(new URL("../../charts/podwright", import.meta.url));
const genpack = fileURLToPath(new URL("../../charts", import.meta.url));
const waiting = { timeout: 20_000, interval: 100 };

let lane: Lane;
let folder: string;
let namespace: string;
beforeAll(async () => {
  lane = await openLane({ operator: false });
  folder = await mkdtemp(join(tmpdir(), "podwright-chart-"));
  namespace = await lane.namespace("podwright");
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await lane?.close();
});

async function helm(...args: string[]): Promise<string> {
  const ran = await run(await laneHelm(), [...args, "--kubeconfig", lane.kubeconfig, "-n", namespace]);
  expect(ran, `helm ${args.join(" ")}`).toEqual({ ...ran, code: 0 });
  return ran.stdout;
}

/** A kubeconfig of the operator's service account. */
async function accountKubeconfig(name: string): Promise<string> {
  const { status } = (await lane.client.resource(serviceAccounts).createSubresource(name, namespace, "token", {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {},
  } as never)) as unknown as { status: { token: string } };
  const config = parse(await readFile(lane.kubeconfig, "utf8"));
  const path = join(folder, "kubeconfig");
  const users = config.users.map((user: { name: string }) => ({ name: user.name, user: { token: status.token } }));
  await writeFile(path, stringify({ ...config, users }), { mode: 0o600 });
  return path;
}

test("the chart installs the operator with all the rights it needs, and takes its webhooks along", async () => {
  await helm("upgrade", "--install", "podwright", chart, "--wait", "--timeout", "60s");
  await helm("upgrade", "--install", "podwright", chart, "--set", "replicas=1", "--wait", "--timeout", "60s");

  // What its pods would run, where simulated nodes run nothing: with the chart's account and no other rights.
  const kubeconfig = await accountKubeconfig("podwright");
  const client = new Client(new HttpTransport(loadKubeconfig({ path: kubeconfig })));
  const owner = (await lane.client.resource(clusterRoles).get("podwright")).metadata;
  const errors: unknown[] = [];
  let operator: Operator | undefined;
  try {
    operator = await startOperator({
      client,
      pack: { helm: { binary: laneHelm, kubeconfig }, cacheDir: join(folder, "charts") },
      webhook: {
        certificateSecret: { namespace, name: "podwright-webhook" },
        owner: {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRole",
          name: "podwright",
          uid: owner.uid as string,
        },
      },
      leaderElection: { namespace: "kube-system" },
      onError: (error) => errors.push(error),
    });
    const target = await lane.namespace("target");
    await lane.client.resource(secrets).create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "shared", namespace },
      data: { a: "MQ==" },
    });
    await lane.client.resource(secretReflectors).create({
      apiVersion: "k8s.kubit.ir/v1alpha1",
      kind: "SecretReflector",
      metadata: { name: "shared", namespace },
      spec: { secret: { name: "shared" }, targets: { namespaces: [target] } },
    });
    const repository = {
      apiVersion: "k8s.kubit.ir/v1alpha1",
      kind: "ClusterPackRepository",
      metadata: { name: namespace },
      spec: { url: `file://${genpack}` },
    };
    const applied = await lane.kubectl(["apply", "-f", "-"], stringify(repository));
    expect(applied).toMatchObject({ code: 0 });
    await lane.client.resource(packs).create({
      apiVersion: "k8s.kubit.ir/v1alpha1",
      kind: "Pack",
      metadata: { name: "site", namespace: target },
      spec: {
        chart: { repository: { kind: "ClusterPackRepository", name: namespace }, name: "genpack" },
        values: {
          gonbad: {
            workloads: { web: { kind: "deployment", containers: { web: { image: { repository: "nginx" } } } } },
          },
        },
      },
    });
    await vi.waitFor(async () => {
      expect(await lane.client.resource(secrets).get("shared", target)).toMatchObject({ data: { a: "MQ==" } });
      const pack = await lane.client.resource(packs).get("site", target);
      expect(pack["status"]?.conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "True" }));
    }, waiting);
    // Deleted while the operator is there: finalizers.
    await lane.client.resource(packs).delete("site", target);
    await lane.client.resource(secretReflectors).delete("shared", namespace);
    await vi.waitFor(async () => {
      await expect(lane.client.resource(packs).get("site", target)).rejects.toMatchObject({ code: 404 });
      await expect(lane.client.resource(secrets).get("shared", target)).rejects.toMatchObject({ code: 404 });
    }, waiting);
    await lane.kubectl(["delete", "clusterpackrepository", namespace]);
    expect(errors).toEqual([]);
  } finally {
    await operator?.stop();
    await client.close();
  }
  const webhooks = lane.client.resource(mutatingWebhookConfigurations);
  await webhooks.get("nano-pod-mutating-webhook-configuration");
  await helm("uninstall", "podwright", "--wait");
  await vi.waitFor(async () => {
    await expect(webhooks.get("nano-pod-mutating-webhook-configuration")).rejects.toMatchObject({ code: 404 });
  }, waiting);
}, 90_000);
